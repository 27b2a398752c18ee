"""A notifier's parts for every test that asks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chassis import db
from services.notifier.config import Settings
from tests.integration.notifier.notifier_parts import House, MailServer, make_settings


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings with short patience."""
    return make_settings(database_url)


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    """A migrated database with an advertiser, its identities and a content."""
    await asyncio.to_thread(db.upgrade, settings, "services.notifier")
    made = House(settings, db.sessions(settings, "notifier"))
    await made.furnish()
    yield made
    await made.close()


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    """A running mail server."""
    server = MailServer()
    await server.start()
    yield server
    await server.stop()
