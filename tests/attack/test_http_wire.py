"""Oversized, slow and malformed requests take nobody else's turn and end in a refusal."""

import socket
from collections.abc import Iterator

import pytest

from services.gateway import patience
from tests.attack.wires import Wire, status
from tests.integration.gateway.process_parts import Process, get, started

THREADS = 2
RECEIVE_SECONDS = 1.0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with started(
        tmp_path_factory.mktemp("gateway"),
        MEKONG_THREADS=str(THREADS),
        MEKONG_RECEIVE_SECONDS=str(RECEIVE_SECONDS),
        MEKONG_SEND_SECONDS="1",
    ) as made:
        yield made


@pytest.fixture
def wires(gateway: Process) -> Iterator[list[Wire]]:
    """More connections than there are threads."""
    made = [Wire(gateway.public) for _ in range(3 * THREADS)]
    yield made
    for each in made:
        each.close()


def asked(gateway: Process, request: bytes) -> int:
    """The status that a request of these bytes is answered with; 0 when it is dropped."""
    wire = Wire(gateway.public)
    wire.say(request)
    answer = wire.answer()
    wire.close()
    return status(answer)


class TestSlow:
    def test_connections_that_say_nothing_hold_nobody_up(
        self, gateway: Process, wires: list[Wire]
    ) -> None:
        assert get(f"{gateway.public}/api/docs")[0] == 200

    def test_a_head_that_dribbles_is_cut_off(self, gateway: Process, wires: list[Wire]) -> None:
        for wire in wires:
            wire.say(b"GET /api/docs HTTP/1.1\r\nHost: x\r\nX-A: ")

        assert get(f"{gateway.public}/api/docs")[0] == 200
        assert wires[0].dribble(b"a", every=0.1, most=30) < 30

    def test_so_is_a_body(self, gateway: Process, wires: list[Wire]) -> None:
        for wire in wires:
            wire.say(
                b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n\r\nemail="
            )

        assert get(f"{gateway.public}/api/docs")[0] == 200
        assert wires[0].dribble(b"a", every=0.1, most=30) < 30

    def test_who_does_not_read_the_answer_holds_nobody_up(
        self, gateway: Process, wires: list[Wire]
    ) -> None:
        # A few hundred answers of 100 KB are more than all buffers on the way.
        for wire in wires:
            wire.say(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100)

        assert get(f"{gateway.public}/livez")[0] == 404

    def test_who_does_not_hang_up_holds_nobody_up(
        self, gateway: Process, wires: list[Wire]
    ) -> None:
        for wire in wires:
            wire.say(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

        assert get(f"{gateway.public}/livez")[0] == 404

    def test_it_served_and_noted_no_failure(self, gateway: Process) -> None:
        assert get(f"{gateway.public}/api/docs")[0] == 200
        assert [it for it in gateway.lines() if it["level"] in ("error", "critical")] == []


class TestOversized:
    def test_a_long_line(self, gateway: Process) -> None:
        assert asked(gateway, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n") == 414

    def test_a_large_header(self, gateway: Process) -> None:
        large = b"X-A: " + b"a" * 40_000 + b"\r\n\r\n"

        assert asked(gateway, b"GET / HTTP/1.1\r\nHost: x\r\n" + large) in (400, 431)

    def test_many_headers(self, gateway: Process) -> None:
        many = b"".join(b"X-%d: a\r\n" % number for number in range(2_000))

        assert asked(gateway, b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n") in (400, 431)

    def test_a_head_without_an_end(self, gateway: Process) -> None:
        assert asked(gateway, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 300_000) in (
            0,
            400,
            431,
        )

    def test_a_body_that_says_how_large_it_is(self, gateway: Process) -> None:
        head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        kind = b"Content-Type: application/x-www-form-urlencoded\r\n"

        assert asked(gateway, head + kind + b"Content-Length: 99999999\r\n\r\na=b") == 413

    def test_a_form_of_many_parts(self, gateway: Process) -> None:
        part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
        body = part * 5_000 + b"--b--\r\n"
        head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        kind = b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n"

        assert asked(gateway, head + kind % len(body) + body) == 413


class TestMalformed:
    @pytest.mark.parametrize(
        "request_",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\x00" * 100 + b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nA\x00B: c\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n folded: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1e9\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ],
        ids=range(11),
    )
    def test_what_is_no_request_is_refused(self, gateway: Process, request_: bytes) -> None:
        assert asked(gateway, request_) in (0, 400, 501, 505)

    @pytest.mark.parametrize(
        ("framing", "body"),
        [
            (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"),
            (b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
            (b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
            (b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
            (b"Transfer-Encoding: chunked\r\n", b"zz\r\nabc\r\n0\r\n\r\n"),
            (b"Transfer-Encoding: chunked\r\n", b"-5\r\nabc\r\n0\r\n\r\n"),
            (b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\nabc"),
            (b"Transfer-Encoding: chunked\r\n", b"5;" + b"a" * 100_000 + b"\r\nabcde\r\n0\r\n\r\n"),
        ],
        ids=range(8),
    )
    def test_what_has_two_ends_or_none_smuggles_nothing(
        self, gateway: Process, framing: bytes, body: bytes
    ) -> None:
        head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
        smuggled = b"GET /api/docs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        wire = Wire(gateway.public)

        wire.say(head + framing + b"\r\n" + body + smuggled)
        answer = wire.answer()
        wire.close()

        assert answer.count(b"HTTP/1.1 ") <= 1
        assert b"HTTP/1.1 200" not in answer

    @pytest.mark.parametrize(
        "body", [b"zz\r\nabc\r\n0\r\n\r\n", b"5\r\nemai", b"5\r\nemailxx0\r\n\r\n"]
    )
    def test_a_body_that_breaks_while_it_is_read_is_the_senders_trouble(
        self, gateway: Process, body: bytes
    ) -> None:
        head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        kind = b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"

        assert asked(gateway, head + kind + body) == 400

    def test_trace_is_not_offered(self, gateway: Process) -> None:
        head = b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: secret\r\n\r\n"

        assert asked(gateway, head) == 405

    def test_it_goes_on_and_noted_no_failure(self, gateway: Process) -> None:
        assert get(f"{gateway.public}/api/docs")[0] == 200
        assert [it for it in gateway.lines() if it["level"] in ("error", "critical")] == []


class TestPatience:
    """The limits by themselves, by a clock that the test moves."""

    def pair(self, **limits: float) -> tuple[patience.Connection, socket.socket]:
        ours, theirs = socket.socketpair()
        given = {"receive_seconds": 10.0, "send_seconds": 0.05, **limits}
        return patience.Connection(ours, **given), theirs  # type: ignore[arg-type]

    def test_bytes_of_a_head_buy_no_time(self) -> None:
        ours, theirs = self.pair(receive_seconds=0.05)
        ours.setblocking(True)
        theirs.sendall(b"a")

        assert ours.recv(10) == b"a"
        assert ours.recv(10) == b""

        theirs.sendall(b"b")
        assert ours.recv(10) == b""  # who was given up stays so, or half a request were whole
        ours.close()
        theirs.close()

    def test_each_8_kilobytes_of_a_body_buy_a_second(self) -> None:
        now = [0.0]
        ours, theirs = socket.socketpair()
        slow = patience.Connection(ours, receive_seconds=10, send_seconds=60, clock=lambda: now[0])
        slow.setblocking(True)
        slow.expect_body()
        theirs.sendall(b"a" * 8_192)

        assert len(slow.recv(10_000)) == 8_192
        assert slow._patience == 11

        slow.close()
        theirs.close()

    def test_who_does_not_read_is_gone(self) -> None:
        ours, theirs = self.pair()
        ours.setblocking(True)

        with pytest.raises(BrokenPipeError):
            ours.sendall(b"a" * 10_000_000)

        ours.close()
        theirs.close()

    def test_a_shorter_limit_of_the_caller_is_kept_to(self) -> None:
        ours, theirs = self.pair()
        ours.settimeout(0.05)

        with pytest.raises(TimeoutError):
            ours.recv(10)

        theirs.sendall(b"a")
        assert ours.recv(10) == b"a"
        ours.close()
        theirs.close()

    def test_what_is_closed_may_be_closed_again(self) -> None:
        ours, theirs = self.pair()
        ours.close()

        ours.setblocking(True)

        theirs.close()
