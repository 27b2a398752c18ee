"""What a mail server is told of each mail that it pipes to us."""

import io
import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.notifier import inbound

TO = "b-00@m.example"


@dataclass
class Gateway:
    """Answers as it is told to, and keeps what it was asked."""

    url: str = ""
    report: tuple[int, Any] = (200, {"kind": "BOUNCED", "message_id": "m1"})
    token: tuple[int, Any] = (200, {})
    lasts: timedelta = timedelta(minutes=5)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    refuses: str = ""

    def answer(self, path: str, bearer: str, body: bytes) -> tuple[int, Any]:
        """The status and the answer to one request."""
        self.asked.append((path, bearer, body))
        if path == "/api/v1/token":
            ends = (datetime.now(UTC) + self.lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
            given = {"token": f"t{len(self.asked)}", "expire_time": ends}
            return self.token if self.token[1] else (self.token[0], given)
        return (401, {"reason": "TOKEN_EXPIRED"}) if bearer == self.refuses else self.report

    @property
    def tokens(self) -> int:
        """How often it was asked for a token."""
        return sum(path.endswith("/token") for path, _, _ in self.asked)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, answer = made.answer(self.path, bearer, body)
            told = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def options(gateway: Gateway, tmp_path: Path) -> list[str]:
    """A complete command line but for the recipient."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    given = ["--gateway", gateway.url, "--client-id", "mta", "--secret-file", str(secret)]
    return [*given, "--token-file", str(tmp_path / "token")]


def pipe(argv: Sequence[str], mail: bytes = b"Subject: x\n\n") -> int:
    """What the mail server is told."""
    return inbound.main(argv, io.BytesIO(mail))


class TestTaken:
    def test_a_mail_is_handed_over_whole(self, gateway: Gateway, options: list[str]) -> None:
        assert pipe([*options, "b-00+a@m.example"], b"a\r\n\xff") == inbound.TAKEN

        path, bearer, body = gateway.asked[-1]
        assert path == "/api/v1/inbound-mails?recipient=b-00%2Ba%40m.example"
        assert (bearer, body) == ("t1", b"a\r\n\xff")

    def test_of_a_long_one_its_beginning(self, gateway: Gateway, options: list[str]) -> None:
        assert pipe([*options, TO], b"x" * (inbound.MOST_BYTES * 2 + 1)) == inbound.TAKEN

        assert len(gateway.asked[-1][2]) == inbound.MOST_BYTES

    def test_a_token_serves_the_mails_that_follow(
        self, gateway: Gateway, options: list[str], tmp_path: Path
    ) -> None:
        assert [pipe([*options, TO]) for _ in range(3)] == [inbound.TAKEN] * 3

        assert gateway.tokens == 1
        assert (tmp_path / "token").stat().st_mode & 0o077 == 0

    def test_one_that_ends_soon_is_not_used_again(
        self, gateway: Gateway, options: list[str]
    ) -> None:
        gateway.lasts = timedelta(seconds=10)

        assert [pipe([*options, TO]) for _ in range(2)] == [inbound.TAKEN] * 2

        assert gateway.tokens == 2

    def test_one_that_is_refused_is_replaced(self, gateway: Gateway, options: list[str]) -> None:
        pipe([*options, TO])
        gateway.refuses = "t1"

        assert pipe([*options, TO]) == inbound.TAKEN
        assert gateway.tokens == 2

    @pytest.mark.parametrize("kept", ["", "{", "[]", "{}", '{"token": 1, "until": "x"}'])
    def test_a_spoilt_one_is_no_trouble(
        self, gateway: Gateway, options: list[str], tmp_path: Path, kept: str
    ) -> None:
        (tmp_path / "token").write_text(kept)

        assert pipe([*options, TO]) == inbound.TAKEN

    def test_without_a_file_each_mail_gets_its_own(
        self, gateway: Gateway, options: list[str]
    ) -> None:
        for _ in range(2):
            assert pipe([*options[:-2], TO]) == inbound.TAKEN

        assert gateway.tokens == 2


class TestNotTaken:
    @pytest.mark.parametrize("reason", sorted(inbound.NOT_OURS))
    def test_what_is_not_about_us_may_go(
        self, gateway: Gateway, options: list[str], reason: str
    ) -> None:
        gateway.report = (400, {"reason": reason})

        assert pipe([*options, TO]) == inbound.DATA_ERROR

    @pytest.mark.parametrize(
        "answer",
        [
            (400, {"reason": "SOMETHING_NEW"}),
            (403, {"reason": "RIGHT_MISSING"}),
            (413, {"reason": "TOO_LARGE"}),
            (429, {"reason": "RATE_LIMITED"}),
            (503, {"reason": "PEER_UNAVAILABLE"}),
            (502, b"<html>"),
            (302, b""),
            (500, []),
        ],
    )
    def test_whatever_else_happens_the_mail_comes_again(
        self, gateway: Gateway, options: list[str], answer: tuple[int, Any]
    ) -> None:
        gateway.report = answer

        assert pipe([*options, TO]) == inbound.COME_AGAIN

    @pytest.mark.parametrize("answer", [(401, {"reason": "SIGN_IN_REFUSED"}), (200, {"a": 1})])
    def test_without_a_token_too(
        self, gateway: Gateway, options: list[str], answer: tuple[int, Any]
    ) -> None:
        gateway.token = answer

        assert pipe([*options, TO]) == inbound.COME_AGAIN

    def test_when_nobody_is_there_too(self, options: list[str]) -> None:
        options[1] = "http://127.0.0.1:1"
        began = time.monotonic()

        assert pipe([*options, TO]) == inbound.COME_AGAIN
        assert time.monotonic() - began < 10

    def test_a_command_line_that_is_wrong_loses_nothing(
        self, options: list[str], tmp_path: Path
    ) -> None:
        no_secret = [*options, "--secret-file", str(tmp_path / "none"), TO]

        for argv in ([], options, [*options, TO, TO], [*options, "--what", TO], no_secret):
            assert pipe(argv) == inbound.COME_AGAIN
