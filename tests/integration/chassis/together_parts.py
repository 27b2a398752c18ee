"""A table for statements sent together."""

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings

MAKE = text("CREATE TABLE together (number int PRIMARY KEY, word text)")
ADD = text("INSERT INTO together (number, word) VALUES (:number, :word)")


@pytest.fixture
async def made(settings_with: Callable[..., ServiceSettings]) -> AsyncIterator[db.Sessions]:
    made = db.sessions(settings_with(database_pool_size=2, database_statement_timeout_seconds=10))
    async with made.begin() as session:
        await session.execute(MAKE)
    yield made
    async with made.begin() as session:
        await session.execute(text("DROP TABLE together"))
    await db.dispose(made)


def added(number: int, word: str = "") -> db.Ask[None]:
    return db.Ask(ADD, {"number": number, "word": word}, db.nothing)
