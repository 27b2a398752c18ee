"""Servers of a service inside a test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from chassis import context
from tests.integration import serving

Serve = Callable[..., Awaitable[serving.Served]]


@pytest.fixture(autouse=True)
def not_draining() -> None:
    """A test begins in a process that goes on, though one before it may have ended one."""
    context.share_draining(asyncio.Event())


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve(settings, name, servicers)` starts a real gRPC server for this test."""
    running: list[serving.Served] = []

    async def start(*arguments: Any, **named: Any) -> serving.Served:
        running.append(await serving.start(*arguments, **named))
        return running[-1]

    yield start
    for served in running:
        await served.stop()
