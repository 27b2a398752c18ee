"""Callers who take their time, or never read, take nobody else's turn, and streams end in time."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from chassis import metrics
from tests.attack.http2 import calling, frame, settled
from tests.attack.wires import Wire
from tests.integration.chassis import rpc_house
from tests.integration.chassis.rpc_house import SERVICE, House

SECONDS = 2.0
MANY = 100
READ = f"/{SERVICE}/Read"


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    async with rpc_house.serve(grpc_default_deadline_seconds=SECONDS) as served:
        yield served


def in_flight() -> float:
    """How many calls are being served in this process."""
    return metrics.grpc_server_in_flight._value.get()


async def served(house: House) -> float:
    """Fail unless a usual caller is answered soon; returns how many calls go on after it."""
    async with asyncio.timeout(10):
        await house.stub.read(StringValue(value="x"))
    return in_flight()


class TestStreams:
    async def test_those_that_nobody_reads_end_in_time(self, house: House) -> None:
        metadata = [("authorization", f"Bearer {house.issuer.sign()}")]
        idle = await served(house)
        async with house.raw() as stub:
            # Each has more to say than all buffers on the way hold.
            calls = [stub.watch(StringValue(value="1000000"), metadata=metadata) for _ in range(9)]
            await rpc_house.until(lambda: in_flight() >= idle + len(calls))

            await served(house)
            await rpc_house.until(lambda: in_flight() <= idle, seconds=20 * SECONDS)
            for call in calls:
                call.cancel()

    async def test_those_that_say_nothing_end_in_time(self, house: House) -> None:
        async def nothing() -> AsyncIterator[StringValue]:
            await asyncio.Event().wait()
            yield StringValue()

        metadata = [("authorization", f"Bearer {house.issuer.sign()}")]
        idle = await served(house)
        async with house.raw() as stub:
            calls = [stub.gather(nothing(), metadata=metadata) for _ in range(MANY)]
            await rpc_house.until(lambda: in_flight() >= idle + MANY, seconds=20)

            await served(house)
            codes = {await call.code() for call in calls}

        assert codes == {grpc.StatusCode.DEADLINE_EXCEEDED}
        await rpc_house.until(lambda: in_flight() <= idle)

    async def test_one_that_says_little_at_a_time_ends_too(self, house: House) -> None:
        async def dribbling() -> AsyncIterator[StringValue]:
            while True:
                yield StringValue(value="x")
                await asyncio.sleep(SECONDS / 20)

        metadata = [("authorization", f"Bearer {house.issuer.sign()}")]
        async with house.raw() as stub:
            call = stub.gather(dribbling(), metadata=metadata)

            assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED


class TestMessages:
    async def test_those_that_never_end_hold_nobody_up(self, house: House) -> None:
        whole = calling(READ, house.issuer.sign())
        # The head of a message of a thousand bytes, of which one comes, and no end of the stream.
        begun = whole[: -len(frame(0, 1, 1, b"\x00" * 5))]
        begun += frame(0, 0, 1, b"\x00\x00\x00\x03\xe8a")
        wires = [Wire(house.address) for _ in range(MANY)]
        for wire in wires:
            wire.say(begun)

        await served(house)

        for wire in wires:
            wire.close()

    async def test_a_call_by_bytes_is_answered_so_that_the_above_can_fail(
        self, house: House
    ) -> None:
        wire = Wire(house.address)
        wire.say(calling(READ, house.issuer.sign()))

        await asyncio.to_thread(settled, wire)

        wire.close()
        assert house.echo.requests[-1] == ""
