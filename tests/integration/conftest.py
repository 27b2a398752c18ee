"""Servers of a service inside a test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.integration import serving

Serve = Callable[..., Awaitable[serving.Served]]


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
