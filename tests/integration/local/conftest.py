"""The sandbox for every test that asks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.local.sandbox_parts import Sandbox


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    made = Sandbox(tmp_path)
    await made.start()
    yield made
    await made.close()
