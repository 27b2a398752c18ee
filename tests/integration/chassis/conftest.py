"""Settings, a database with the chassis tables and a bus, for the tests of the chassis."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings
from chassis.db import schema
from tests.integration.chassis import events_house
from tests.integration.chassis.events_house import Bus, Effects


@pytest.fixture
def settings_with(database_url: str) -> Callable[..., ServiceSettings]:
    """A function that makes settings for this test's database; arguments overrule."""

    def make(**more: object) -> ServiceSettings:
        given = {
            "seal_key": "seal",
            "database_url": database_url,
            "nats_url": "nats://127.0.0.1:1",
            "issuer_url": "http://127.0.0.1:1",
            "client_id": "leads",
            "client_secret": "secret",
            **more,
        }
        return ServiceSettings.model_validate(given)

    return make


@pytest.fixture
def settings(settings_with: Callable[..., ServiceSettings]) -> ServiceSettings:
    """Settings for this test's database."""
    return settings_with()


@pytest.fixture
async def sessions(settings: ServiceSettings) -> AsyncIterator[db.Sessions]:
    """Sessions of a database that has the chassis tables and no others."""
    made = db.sessions(settings)
    statements = _Collected()
    schema.chassis_tables(statements)
    async with db.engine(made).begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    yield made
    await db.dispose(made)


class _Collected(list[str]):
    def execute(self, sqltext: str) -> None:
        self.append(sqltext)


@pytest.fixture
def count(sessions: db.Sessions) -> Callable[[str], Awaitable[int]]:
    """A function that counts the rows of a table."""

    async def rows(table: str) -> int:
        async with sessions.begin() as session:
            return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608

    return rows


@pytest.fixture
def age(sessions: db.Sessions) -> Callable[[str, str, str], Awaitable[None]]:
    """A function that makes every row of a table older by an interval."""

    async def older(table: str, column: str, by: str) -> None:
        statement = f"UPDATE {table} SET {column} = {column} - interval '{by}'"  # noqa: S608
        async with sessions.begin() as session:
            await session.execute(text(statement))

    return older


@pytest.fixture
async def bus(settings_with: Callable[..., ServiceSettings], nats_url: str) -> AsyncIterator[Bus]:
    """A stream, a consumer and a dead-letter stream of this test's own."""
    async with events_house.ride(settings_with(nats_url=nats_url)) as made:
        yield made


@pytest.fixture
async def effects(sessions: db.Sessions) -> Effects:
    """A table for handlers to write to, and a function that reads the ids in order."""
    async with sessions.begin() as session:
        await session.execute(text("CREATE TABLE effects (n serial, event_id text)"))

    async def read() -> list[str]:
        async with sessions.begin() as session:
            return list(await session.scalars(text("SELECT event_id FROM effects ORDER BY n")))

    return read
