"""A call to a peer is bounded, repeated where that is safe, and made under our own name."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from chassis import context, errors
from chassis.rpc import client, server
from chassis.rpc.tokens import TokenSource
from tests.integration.chassis import rpc_house
from tests.integration.chassis.client_parts import house as house
from tests.integration.chassis.rpc_house import House, until


async def tell_remaining(_: str, __: Any) -> str:
    return str(context.current().remaining())


async def never(_: str, __: Any) -> str:
    await asyncio.Event().wait()
    return ""


class TestTheDeadline:
    async def test_a_call_has_one_even_if_nobody_gave_it(self, house: House) -> None:
        house.echo.behaviour = tell_remaining

        answer = await house.stub.read(StringValue())

        assert 8.0 < float(answer.value) <= client.DEFAULT_SECONDS

    async def test_what_is_left_of_the_callers_is_what_the_peer_gets(self, house: House) -> None:
        house.echo.behaviour = tell_remaining

        with context.bind(deadline=time.monotonic() + 2.0):
            answer = await house.stub.read(StringValue(), timeout=60)

        assert 0.5 < float(answer.value) <= 2.0

    async def test_a_peer_that_hangs_is_given_up_on_both_sides(self, house: House) -> None:
        ended = asyncio.Event()

        async def hang(_: str, __: Any) -> str:
            try:
                return await never("", None)
            finally:
                ended.set()

        house.echo.behaviour = hang
        began = time.monotonic()

        with pytest.raises(errors.DeadlineExceeded):
            await house.stub.read(StringValue(), timeout=0.3)

        assert time.monotonic() - began < 2.0
        await asyncio.wait_for(ended.wait(), 2.0)

    async def test_without_time_left_the_peer_is_not_asked(self, house: House) -> None:
        with context.bind(deadline=time.monotonic() - 1), pytest.raises(errors.DeadlineExceeded):
            await house.stub.read(StringValue())

        assert house.echo.requests == []

    async def test_the_server_gives_one_to_a_call_that_came_without(self) -> None:
        async with rpc_house.serve(grpc_default_deadline_seconds=0.3) as house:
            house.echo.behaviour = never

            error = await asyncio.wait_for(_without_deadline(house), 5.0)

        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def _without_deadline(house: House) -> grpc.aio.AioRpcError:
    metadata = [("authorization", f"Bearer {house.issuer.sign()}")]
    async with house.raw() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as got:
            await stub.read(StringValue(), metadata=metadata)
    return got.value


class TestRetry:
    def failing(self, house: House, times: int) -> None:
        async def behaviour(value: str, _: Any) -> str:
            if len(house.echo.requests) <= times:
                raise errors.Unavailable("BUSY", "come again")
            return value

        house.echo.behaviour = behaviour

    async def test_a_read_is_repeated_until_the_peer_is_back(self, house: House) -> None:
        self.failing(house, times=2)

        answer = await house.stub.read(StringValue(value="x"))

        assert answer.value == "x"
        assert len(house.echo.requests) == 3

    async def test_a_change_that_is_not_declared_repeatable_is_made_once(
        self, house: House
    ) -> None:
        self.failing(house, times=1)

        with pytest.raises(errors.Unavailable, match="BUSY"):
            await house.stub.change(StringValue(value="x"))

        assert len(house.echo.requests) == 1

    async def test_another_failure_is_not_repeated(self, house: House) -> None:
        async def behaviour(_: str, __: Any) -> str:
            raise errors.Aborted("ETAG_STALE", "read again")

        house.echo.behaviour = behaviour

        with pytest.raises(errors.Aborted):
            await house.stub.read(StringValue(value="x"))

        assert len(house.echo.requests) == 1


class TestAPeerThatIsAway:
    async def test_it_is_unavailable_at_once(self) -> None:
        issuer = rpc_house.Issuer()
        await issuer.start()
        settings = rpc_house.make_settings(issuer.url)
        tokens = TokenSource(settings)
        async with client.channel("127.0.0.1:1", settings, tokens, [rpc_house.DESCRIPTOR]) as peer:
            with pytest.raises(errors.Unavailable):
                await rpc_house.Stub(peer).change(StringValue())

        await issuer.stop()

    async def test_it_is_found_again_within_seconds_of_its_return(self, house: House) -> None:
        await house.stub.read(StringValue(value="before"))
        await house.server.drain(0)
        with pytest.raises(errors.Unavailable):
            await house.stub.change(StringValue())
        settings = rpc_house.make_settings(house.issuer.url, grpc_listen=house.address)
        again = server.build(
            settings, "echo", [(rpc_house.add_echo, house.echo)], contract=rpc_house.Open()
        )
        await again.start()

        async with asyncio.timeout(5.0):
            while True:
                try:
                    answer = await house.stub.change(StringValue(value="after"))
                    break
                except errors.Unavailable:
                    await asyncio.sleep(0.05)

        assert answer.value == "after"
        await again.drain(0)


class TestStreams:
    async def test_a_stream_of_responses_arrives_in_order(self, house: House) -> None:
        received = [each.value async for each in house.stub.watch(StringValue(value="100"))]

        assert received == [str(number) for number in range(100)]

    async def test_a_stream_of_requests_is_gathered(self, house: House) -> None:
        async def requests() -> AsyncIterator[StringValue]:
            for value in ("a", "b", "c"):
                yield StringValue(value=value)

        answer = await house.stub.gather(requests())

        assert answer.value == "a,b,c"

    async def test_a_reader_that_stops_early_frees_the_server(self, house: House) -> None:
        ended = asyncio.Event()

        async def hang(_: str, __: Any) -> str:
            try:
                return await never("", None)
            finally:
                ended.set()

        house.echo.behaviour = hang
        call = house.stub.watch(StringValue(value="1"))
        async for _ in call:
            break
        call.cancel()

        await asyncio.wait_for(ended.wait(), 5.0)


class TestTheEnd:
    async def test_a_call_in_progress_finishes_and_a_new_one_is_refused(self, house: House) -> None:
        release = asyncio.Event()

        async def wait(value: str, _: Any) -> str:
            await release.wait()
            return value

        house.echo.behaviour = wait
        going = asyncio.ensure_future(house.stub.change(StringValue(value="going")))
        await until(lambda: house.echo.requests == ["going"])
        draining = asyncio.create_task(house.server.drain(5.0))
        await asyncio.sleep(0)  # let the drain begin
        async with asyncio.timeout(5.0):
            while True:
                try:
                    await house.stub.change(StringValue(value="late"), timeout=0.2)
                except errors.Unavailable:
                    break
                except errors.DeadlineExceeded:
                    continue
        release.set()

        assert (await going).value == "going"
        await draining

    async def test_a_message_beyond_the_limit_is_refused(self) -> None:
        async with rpc_house.serve(grpc_max_message_bytes=64 * 1024) as house:
            metadata = [("authorization", f"Bearer {house.issuer.sign()}")]
            async with house.raw() as stub:
                with pytest.raises(grpc.aio.AioRpcError) as got:
                    await stub.read(StringValue(value="x" * 70_000), metadata=metadata)

        assert got.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert house.echo.requests == []
