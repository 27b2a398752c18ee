"""A stand-in for a service: ready when it answers, drained on SIGTERM, failing on request."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


def stopped(*_: object) -> None:
    sys.stderr.write(f"{os.environ['MEKONG_INSTANCE']} drained\n")
    sys.exit(0)


if os.environ.get("MEKONG_BROKEN"):
    sys.exit("MEKONG_BROKEN: unknown setting")
signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("MEKONG_STUBBORN") else stopped)
host, _, port = os.environ["MEKONG_HTTP_LISTEN"].rpartition(":")
HTTPServer((host, int(port)), Answer).serve_forever()
