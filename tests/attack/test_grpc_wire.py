"""Oversized and malformed calls end in a refusal, and the next caller is served."""

import asyncio
import io
import json
import logging as stdlib_logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import structlog
from google.protobuf.wrappers_pb2 import StringValue

from chassis import logging
from tests.attack.http2 import PREFACE, SETTINGS, calling, frame, settled
from tests.attack.wires import Wire
from tests.integration.chassis import rpc_house
from tests.integration.chassis.rpc_house import SERVICE, House

MOST = 64 * 1024


@dataclass(frozen=True)
class Replica:
    """How the log is written."""

    instance: str = "pod-1"
    log_level: str = "info"
    log_format: str = "json"


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    async with rpc_house.serve(grpc_max_message_bytes=MOST) as served:
        yield served


async def raw(house: House, data: bytes, metadata: Any = ()) -> grpc.StatusCode:
    """The code that a call of these bytes is answered with."""
    given = [("authorization", f"Bearer {house.issuer.sign()}"), *metadata]
    async with grpc.aio.insecure_channel(house.address) as channel:
        call = channel.unary_unary(f"/{SERVICE}/Read")
        try:
            await call(data, metadata=given, timeout=10)
        except grpc.aio.AioRpcError as refused:
            return refused.code()
    return grpc.StatusCode.OK


class TestMessages:
    async def test_one_that_is_too_large_is_refused(self, house: House) -> None:
        large = StringValue(value="a" * (MOST + 1)).SerializeToString()

        assert await raw(house, large) is grpc.StatusCode.RESOURCE_EXHAUSTED

    @pytest.mark.parametrize(
        "data",
        [b"\xff\xff\xff\xff", b"\x0a\xff\x01a", b"\x0a\x02\xff\xfe", b"\x0a" * 1_000, b"\x00"],
        ids=["tag", "length", "letters", "fields", "field zero"],
    )
    async def test_one_that_is_none_is_refused_without_a_word_of_ours(
        self, house: House, data: bytes
    ) -> None:
        house.echo.requests.clear()

        assert await raw(house, data) not in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
        assert house.echo.requests == []

    async def test_metadata_that_is_too_large_is_refused(self, house: House) -> None:
        refused = await raw(house, b"", [("x-large", "a" * 100_000)])

        assert refused in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL)


class TestLog:
    @pytest.fixture
    def written(self) -> Iterator[io.StringIO]:
        """What the process writes as its log, as in production."""
        root = stdlib_logging.getLogger()
        handlers, level = root.handlers[:], root.level
        logging.configure(Replica(), "echo")
        out = io.StringIO()
        (handler,) = root.handlers
        assert isinstance(handler, stdlib_logging.StreamHandler)
        handler.setStream(out)
        yield out
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()

    async def ids(self, house: House, written: io.StringIO, name: str, value: bytes) -> list[str]:
        """The request ids in the log after a call with such a header, and then a usual one."""
        for header in ((name.encode(), value), (b"x-request-id", b"the-last-one")):
            wire = Wire(house.address)
            wire.say(calling(f"/{SERVICE}/Read", house.issuer.sign(), header))
            await asyncio.to_thread(settled, wire)
            await asyncio.to_thread(wire.close)
        await rpc_house.until(lambda: "the-last-one" in written.getvalue())
        lines = [json.loads(it) for it in written.getvalue().split("\n") if it]
        assert {it["event"] for it in lines} == {"grpc_call"}
        return [it["request_id"] for it in lines]

    @pytest.mark.parametrize("name", ["x-request-id", "traceparent", "x-any"])
    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\x00", b"\xc2\x85"], ids=repr)
    async def test_a_line_break_of_a_caller_begins_no_line(
        self, house: House, written: io.StringIO, name: str, end: bytes
    ) -> None:
        found = await self.ids(house, written, name, b"a" + end + b'{"event": "forged"}')

        assert found[-1] == "the-last-one"
        assert "forged" not in written.getvalue()

    @pytest.mark.parametrize("name", ["x-request-id", "traceparent"])
    async def test_nor_is_what_is_too_long_written_down(
        self, house: House, written: io.StringIO, name: str
    ) -> None:
        found = await self.ids(house, written, name, b"a" * 5_000)

        assert len(found) == 2
        assert "a" * 200 not in written.getvalue()


class TestConnections:
    @pytest.mark.parametrize(
        "data",
        [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200,
            b"\x00" * 1_000,
            PREFACE + b"\xff" * 200,
            PREFACE + SETTINGS + frame(1, 4, 1, b"\xff" * 100),
            PREFACE + SETTINGS + frame(0, 1, 1, b"data of no stream"),
            PREFACE + SETTINGS + frame(9, 0, 1, b"a" * 100),
            PREFACE + SETTINGS + b"\xff\xff\xff\x01\x04\x00\x00\x00\x01",
            PREFACE + SETTINGS + frame(8, 0, 0, b"\x00\x00\x00\x00"),
        ],
        ids=[
            *("HTTP 1", "TLS", "zeros", "no frames", "no headers", "no stream"),
            *("no beginning", "too long", "no window"),
        ],
    )
    async def test_garbage_ends_its_own_connection_only(self, house: House, data: bytes) -> None:
        wire = Wire(house.address)
        wire.say(data)

        assert await raw(house, b"") is grpc.StatusCode.OK

        await asyncio.to_thread(wire.close)

    async def test_connections_that_say_nothing_hold_nobody_up(self, house: House) -> None:
        wires = [Wire(house.address) for _ in range(100)]

        assert await raw(house, b"") is grpc.StatusCode.OK

        for wire in wires:
            wire.close()

    async def test_calls_that_are_taken_back_at_once_hold_nobody_up(self, house: House) -> None:
        async with house.raw() as stub:
            for _ in range(300):
                stub.read(StringValue(value="x")).cancel()

        assert await raw(house, b"") is grpc.StatusCode.OK
