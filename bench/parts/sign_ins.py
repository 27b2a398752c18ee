"""Other requests while a hundred sign-ins wait for their passwords to be compared."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
from crm.accounts.v1 import session_service_pb2, session_service_pb2_grpc

from bench import jobs, meter
from bench.signing import token
from bench.table import Figures
from local.demo.api import Api
from local.running import House, house

WAITING, ASKED = 100, 300
LONGEST_SECONDS = 120.0
# Else wrong passwords would be refused before they are compared.
_SETTINGS = ("--set", "accounts.sign_in_failures_per_minute=1000000")

_UNKNOWN = "of nobody"

Ask = Callable[[], Awaitable[object]]


def measure(home: Path, figures: Figures) -> None:
    """Ask accounts and the REST API, idle and beside sign-ins whose passwords are wrong."""
    with house(home, *_SETTINGS) as running:
        asyncio.run(_measure(running, figures))
        figures.peaks("sign_ins", meter.peak_mb(running), "≤ 300 MB")


async def _measure(running: House, figures: Figures) -> None:
    address = running.state["grpc"]["accounts"]
    own = await token(running, "accounts", {"sub": "gateway", "knd": "service"})
    metadata = (("authorization", f"Bearer {own}"),)
    access = jobs.access(running.state)
    async with grpc.aio.insecure_channel(address) as channel, Api(access) as api:
        stub = session_service_pb2_grpc.SessionServiceStub(channel)

        async def ask_accounts() -> None:
            """A session that nobody has: what each page of a session that ended asks."""
            asked = session_service_pb2.ExchangeSessionRequest(session_secret=_UNKNOWN)
            try:
                await stub.ExchangeSession(asked, metadata=metadata)
            except grpc.aio.AioRpcError as refused:
                if refused.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise jobs.NotMeasured(refused.code().name) from refused

        async def ask_api() -> None:
            await api.get("/users", page_size=50)

        asks: dict[str, Ask] = {"accounts": ask_accounts, "api": ask_api}
        for ask in asks.values():
            await _p95(ask)
        idle = {name: await _p95(ask) for name, ask in asks.items()}
        crowd = _Crowd(stub, metadata)
        async with crowd:
            beside = {name: await _p95(ask) for name, ask in asks.items()}
    figures.add("sign_ins_per_second", f"sign-ins, {WAITING} waiting", crowd.rate, "/s")
    for name, label in (("accounts", "exchanging a session"), ("api", "a list by REST")):
        figures.add(f"{name}_idle_p95_ms", f"{label}, p95, idle", idle[name] * 1e3, "ms")
        ratio = beside[name] / idle[name]
        figures.add(f"{name}_beside_p95_ms", "  … beside them", beside[name] * 1e3, "ms")
        figures.add(f"{name}_beside_ratio", "  … of idle", ratio, "times", "< 2")


class _Crowd:
    """So many who sign in, each again as soon as it was refused, with an address of its own."""

    def __init__(
        self,
        stub: session_service_pb2_grpc.SessionServiceStub,
        metadata: tuple[tuple[str, str], ...],
    ) -> None:
        self._stub = stub
        self._metadata = metadata
        self._refused = 0
        self._began = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self.rate = 0.0

    async def __aenter__(self) -> None:
        self._began = time.monotonic()
        self._tasks = [asyncio.create_task(self._one(number)) for number in range(WAITING)]
        while not self._refused:
            await asyncio.sleep(0.05)
            self._check()

    async def __aexit__(self, *_: object) -> None:
        self._check()
        self.rate = self._refused / (time.monotonic() - self._began)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _check(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()
                raise jobs.NotMeasured("somebody signed in")
        if time.monotonic() - self._began > LONGEST_SECONDS:
            raise TimeoutError("nobody was answered")

    async def _one(self, number: int) -> None:
        attempt = 0
        while True:
            attempt += 1
            asked = session_service_pb2.SignInRequest(
                email=f"bench-{number}-{attempt}@mekong.example",
                password="not the password",  # noqa: S106
                ip=f"198.51.{number}.{attempt % 250}",
            )
            try:
                call: Any = self._stub.SignIn(asked, metadata=self._metadata)
                await call
            except grpc.aio.AioRpcError as refused:
                # Any other answer means that it did not wait for its password.
                if refused.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise jobs.NotMeasured(refused.code().name) from refused
                self._refused += 1
            else:
                return


async def _p95(ask: Ask) -> float:
    """Return the time in seconds within which 95 of 100 were answered, one after the other."""
    seconds = []
    for _ in range(ASKED):
        began = time.perf_counter()
        await ask()
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[int(ASKED * 0.95) - 1]
