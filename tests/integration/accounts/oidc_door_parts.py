"""Who opens with a real OpenID provider."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests import provider
from tests.integration.accounts.oidc_parts import REDIRECT_URI, Door, opened, with_provider


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider.running([REDIRECT_URI]) as issuer:
        yield issuer


@pytest.fixture
async def door(house: Any, settings: Any, serve: Any, issuer: str) -> AsyncIterator[Door]:
    async with opened(house, serve, with_provider(settings, issuer)) as door:
        yield door
