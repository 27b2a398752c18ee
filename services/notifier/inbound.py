"""Hands a mail that came back to the gateway; what a mail server pipes bounces and complaints to.

    python -m services.notifier.inbound --gateway https://crm.example.vn --client-id … \
        --secret-file … --token-file … RECIPIENT < mail

Needs nothing but Python, so that the file alone can be copied to where the mail server is. Ends as
mail servers expect (sysexits.h): 0 the mail was taken, 65 it is not about a message of ours and may
be thrown away, 75 whatever else happened: come again, so that nothing is lost.
"""

import argparse
import contextlib
import http.client
import json
import os
import ssl
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from urllib.parse import quote, urlsplit

TAKEN, DATA_ERROR, COME_AGAIN = 0, 65, 75
# What is not about us will never be; all else may be our trouble.
NOT_OURS = frozenset({"RETURN_PATH_INVALID", "FIELDS_INVALID"})
# Reports come first in a mail, the mail that they are about last.
MOST_BYTES = 100_000
_SPARE_SECONDS = 30
_API = "/api/v1"


class Failure(Exception):
    """The mail was not taken; `code` is what the mail server is told."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Gateway:
    """The gateway's REST API as one program sees it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._url = urlsplit(options.gateway)

    def report(self, recipient: str, mail: bytes) -> dict[str, Any]:
        """Hands over a mail; raises `Failure`."""
        path = f"{_API}/inbound-mails?recipient={quote(recipient, safe='')}"
        kept = _kept_token(self._options.token_file)
        status, answer = self._post(path, mail, "message/rfc822", kept or self._token())
        if status == 401 and kept:
            status, answer = self._post(path, mail, "message/rfc822", self._token())
        if status == 200:
            return answer
        reason = str(answer.get("reason", ""))
        raise Failure(DATA_ERROR if reason in NOT_OURS else COME_AGAIN, f"{status} {reason}")

    def _token(self) -> str:
        """A new token, kept for the mails that follow where a file is named."""
        secret = Path(self._options.secret_file).read_text("utf-8").strip()
        body = json.dumps({"client_id": self._options.client_id, "client_secret": secret})
        status, answer = self._post(f"{_API}/token", body.encode(), "application/json")
        if status != 200:
            raise Failure(COME_AGAIN, f"no token: {status} {answer.get('reason', '')}")
        token = str(answer["token"])
        ends = datetime.fromisoformat(str(answer["expire_time"]).replace("Z", "+00:00"))
        _keep_token(self._options.token_file, token, ends.timestamp())
        return token

    def _post(
        self, path: str, body: bytes, kind: str, token: str = ""
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
        with contextlib.closing(self._connection()) as connection:
            connection.request("POST", self._url.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            told = response.read(1_000_000)
        try:
            answer = json.loads(told)
        except ValueError:
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}

    def _connection(self) -> http.client.HTTPConnection:
        host, seconds = self._url.netloc, self._options.seconds
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, timeout=seconds)
        trust = ssl.create_default_context(cafile=self._options.ca_file)
        return http.client.HTTPSConnection(host, timeout=seconds, context=trust)


def _kept_token(path: str | None) -> str:
    """The token that the last mail left, while it is good for long enough."""
    if path is None:
        return ""
    try:
        kept = json.loads(Path(path).read_text("utf-8"))
        return str(kept["token"]) if kept["until"] > time.time() + _SPARE_SECONDS else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _keep_token(path: str | None, token: str, until: float) -> None:
    """Leaves a token to the next mail; several may at once."""
    if path is None:
        return
    beside = f"{path}.{os.getpid()}"
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"token": token, "until": until}, file)
    Path(beside).replace(path)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """A mistake in the mail server's configuration loses no mail."""
        raise Failure(COME_AGAIN, message)


def options(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says; raises `Failure` for what it should not."""
    parser = _Parser(prog="python -m services.notifier.inbound", description=__doc__)
    parser.add_argument("recipient", help="the address that the mail came to")
    parser.add_argument(
        "--gateway", required=True, help="where the gateway is: https://host[:port]"
    )
    parser.add_argument("--client-id", required=True, help="an API client with inbound_mails:write")
    parser.add_argument("--secret-file", required=True, help="has its secret")
    parser.add_argument("--token-file", help="keeps a token for the mails that follow")
    parser.add_argument("--ca-file", help="the authority of the gateway's certificate")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long an answer may take")
    return parser.parse_args(argv)


def main(argv: Sequence[str], mail: BinaryIO) -> int:
    """Hands over one mail; returns what the mail server is told."""
    try:
        given = options(argv)
        data = mail.read(MOST_BYTES)
        while mail.read(MOST_BYTES):
            pass  # a mail server whose pipe breaks would call it a failure
        answer = Gateway(given).report(given.recipient, data)
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        return failure.code
    except (OSError, http.client.HTTPException, KeyError, ValueError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return COME_AGAIN
    sys.stdout.write(f"{answer.get('kind')} {answer.get('message_id')}\n")
    return TAKEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin.buffer))
