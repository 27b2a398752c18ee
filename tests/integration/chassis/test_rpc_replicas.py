"""Calls to a peer of several replicas: all are used, and none fails while they restart in turn."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.protobuf.wrappers_pb2 import StringValue

from chassis import errors
from chassis.rpc import client, server
from chassis.rpc.tokens import TokenSource
from tests.integration.chassis import rpc_house
from tests.integration.chassis.rpc_house import Echo, Issuer, Stub, until


class Replicas:
    """Two servers of the echo, each of which can be restarted at its address."""

    def __init__(self, issuer: Issuer, **settings: float) -> None:
        self._issuer = issuer
        self._more = settings
        self.echoes = [Echo(), Echo()]
        self.servers: list[server.Server] = []
        self.addresses: list[str] = []

    async def start(self) -> None:
        for echo in self.echoes:
            built = self._built(echo, "127.0.0.1:0")
            self.servers.append(built)
            self.addresses.append(f"127.0.0.1:{await built.start()}")

    async def restart(self, number: int, grace: float = 5.0) -> None:
        await self.servers[number].drain(grace)
        self.servers[number] = self._built(self.echoes[number], self.addresses[number])
        await self.servers[number].start()

    async def stop(self) -> None:
        for each in self.servers:
            await each.drain(0)

    def _built(self, echo: Echo, listen: str) -> server.Server:
        settings = rpc_house.make_settings(self._issuer.url, grpc_listen=listen, **self._more)
        return server.build(
            settings, "echo", [(rpc_house.add_echo, echo)], contract=rpc_house.Open()
        )


@asynccontextmanager
async def house(**settings: float) -> AsyncIterator[tuple[Replicas, Stub]]:
    issuer = Issuer()
    await issuer.start()
    replicas = Replicas(issuer, **settings)
    await replicas.start()
    try:
        async with _stub(replicas, issuer) as stub:
            yield replicas, stub
    finally:
        await replicas.stop()
        await issuer.stop()


@asynccontextmanager
async def _stub(replicas: Replicas, issuer: Issuer) -> AsyncIterator[Stub]:
    own = rpc_house.make_settings(issuer.url)
    address = ",".join(replicas.addresses)
    async with client.channel(address, own, TokenSource(own), [rpc_house.DESCRIPTOR]) as channel:
        stub = Stub(channel)
        async with asyncio.timeout(10):
            while not all(echo.requests for echo in replicas.echoes):
                await stub.read(StringValue(value="warm"))
        yield stub


async def load(stub: Stub, stopped: asyncio.Event) -> Counter[str]:
    """Make changes, which are not repeated, until stopped; returns the outcomes."""
    outcomes: Counter[str] = Counter()
    while not stopped.is_set():
        try:
            await stub.change(StringValue(value="x"))
            outcomes["ok"] += 1
        except errors.Error as error:
            outcomes[error.reason] += 1
    return outcomes


class TestSeveralAddresses:
    async def test_calls_go_to_each_in_turn(self) -> None:
        async with house() as (replicas, stub):
            before = [len(echo.requests) for echo in replicas.echoes]
            for _ in range(100):
                await stub.change(StringValue(value="x"))

        after = [len(echo.requests) for echo in replicas.echoes]
        assert [b - a for a, b in zip(before, after, strict=True)] == [50, 50]

    async def test_one_that_is_gone_is_passed_over(self) -> None:
        async with house() as (replicas, stub):
            await replicas.servers[0].drain(1.0)

            for _ in range(20):
                await stub.change(StringValue(value="x"))


class TestARollingRestart:
    async def test_it_fails_no_call_of_any_kind(self) -> None:
        async with house() as (replicas, stub):
            stopped = asyncio.Event()
            loads = [asyncio.create_task(load(stub, stopped)) for _ in range(8)]
            for number in (0, 1, 0, 1):
                seen = len(replicas.echoes[number].requests)
                await replicas.restart(number)
                # The next one goes once this one is back in use, as a roll-out waits for it.
                await until(lambda n=number, s=seen: len(replicas.echoes[n].requests) > s + 50)  # type: ignore[misc]
            stopped.set()
            outcomes = sum([await each for each in loads], Counter[str]())

        assert set(outcomes) == {"ok"}
        assert outcomes["ok"] > 400

    async def test_a_read_that_is_cut_off_is_made_again_elsewhere(self) -> None:
        async with house() as (replicas, stub):
            stuck = asyncio.Event()

            async def hang(_: str, __: object) -> str:
                stuck.set()
                await asyncio.Event().wait()
                return ""

            replicas.echoes[0].behaviour = hang
            reads = [asyncio.ensure_future(stub.read(StringValue(value="x"))) for _ in range(4)]
            await stuck.wait()

            await replicas.servers[0].drain(0)

            assert [(await each).value for each in reads] == ["x"] * 4


class TestTheAgeOfAConnection:
    async def test_an_old_one_is_replaced_without_a_failed_call(self) -> None:
        async with house(grpc_connection_age_seconds=0.5) as (replicas, stub):
            peers = set()

            async def note(value: str, context: object) -> str:
                peers.add(context.peer())  # type: ignore[attr-defined]
                return value

            for echo in replicas.echoes:
                echo.behaviour = note
            async with asyncio.timeout(10):
                while len(peers) < 6:
                    await stub.change(StringValue(value="x"))
                    await asyncio.sleep(0.005)
