"""The probes and the metrics, on a port of their own that the world does not see."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import prometheus_client

from chassis import config, metrics
from services.gateway.metrics import REGISTRY


class Ops:
    """Answers /livez, /readyz and /metrics from a thread of the serving process."""

    def __init__(self, listen: str, peers: Callable[[], dict[str, str]]) -> None:
        host, port = config.host_port(listen)
        self.stopping = False
        self._peers = peers
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            name="ops",
            daemon=True,
            kwargs={"poll_interval": 0.2},
        )

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        metrics.ready.set(1)
        self._thread.start()

    def stop(self) -> None:
        """Say not ready from now on; the answers go on until the process ends."""
        self.stopping = True
        metrics.ready.set(0)

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, content type and body for `path`."""
        if path == "/livez":
            return 200, "text/plain; charset=utf-8", b"ok\n"
        if path == "/readyz":
            # A peer that is away makes its own calls fail, not this process: taking every
            # replica out of service for it would end what still works, with the error pages.
            stop = {"reason": "STOPPING", "message": "the process was asked to stop"}
            failing = [stop] if self.stopping else []
            body = {"ready": not failing, "failing": failing, "peers": self._peers()}
            return (503 if failing else 200), "application/json", json.dumps(body).encode()
        if path == "/metrics":
            text = prometheus_client.generate_latest(REGISTRY)
            return 200, prometheus_client.CONTENT_TYPE_LATEST, text
        return 404, "text/plain; charset=utf-8", b"not found\n"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ops = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = ops.answer(self.path.split("?", 1)[0])
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Probes come every few seconds and are not worth a line."""

        return Handler
