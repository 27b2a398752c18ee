"""A server whose answers a test chooses."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.chassis import rpc_house
from tests.integration.chassis.rpc_house import House


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with rpc_house.serve() as served:
        yield served
