"""Servers of a service inside a test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest

from chassis import context
from chassis.rpc import client
from tests.integration import serving
from tests.integration.pools import Pools

Serve = Callable[..., Awaitable[serving.Served]]


@pytest.fixture(autouse=True)
def not_draining() -> None:
    """A test begins in a process that goes on, though one before it may have ended one."""
    context.share_draining(asyncio.Event())


@pytest.fixture(scope="session")
async def pools() -> AsyncIterator[Pools]:
    """What tests of a session leave open for each other."""
    made = Pools()
    yield made
    await made.close()


@pytest.fixture
async def serve(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    """`await serve(settings, name, servicers)` starts a real gRPC server for this test.

    What was opened to it with `client.channel` is closed with it. Else gRPC would go on looking
    for it, and a later server on the same port would be taken for one that is away: channels to
    one address share what they know of it.
    """
    running: list[serving.Served] = []
    opened: list[grpc.aio.Channel] = []
    open_channel = client.channel

    def channel(*arguments: Any, **named: Any) -> grpc.aio.Channel:
        opened.append(open_channel(*arguments, **named))
        return opened[-1]

    monkeypatch.setattr(client, "channel", channel)

    async def start(*arguments: Any, **named: Any) -> serving.Served:
        running.append(await serving.start(*arguments, **named))
        return running[-1]

    yield start
    for each in opened:
        await each.close()
    for served in running:
        await served.stop()
