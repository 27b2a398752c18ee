"""Statements on recipients that go through indexes, whatever the statistics say."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import failures


async def by_index(
    session: AsyncSession, statement: str, given: Mapping[str, Any]
) -> list[TupleRow]:
    """Return what a statement finds, planned to go through indexes and in their order.

    A partition that was just filled has no statistics: the database then takes a million rows for
    a handful, and reads and sorts them all for every batch. Settings and statement are one round
    trip, which costs both sides more than the settings do; the values are quoted here for that
    (`%(name)s`). The settings hold until the transaction ends.
    """
    return (await together(session, _BY_INDEX + statement, given))[-1]


async def together(
    session: AsyncSession, statements: str, given: Mapping[str, Any]
) -> list[list[TupleRow]]:
    """Return what each of several statements (`a; b`) finds, run in order in one round trip."""
    raw = await db.driver(session)
    with translated(raw):
        async with psycopg.AsyncClientCursor(raw) as cursor:
            await cursor.execute(statements, given)
            return [await it.fetchall() if it.description else [] async for it in cursor.results()]


async def unawaited(session: AsyncSession) -> None:
    """Let the transaction's commit be answered before it is on the disk.

    A database that crashes may lose the newest of such transactions, each of them whole, and none
    that was committed before one that was waited for.
    """
    await session.execute(_UNAWAITED)


@contextmanager
def translated(raw: psycopg.AsyncConnection[Any]) -> Iterator[None]:
    """Raise the errors of a connection in the block as the engine does, by which others tell."""
    try:
        yield
    except psycopg.Error as error:
        raise failures.told(None, error, raw) from error


_UNAWAITED = text("SET LOCAL synchronous_commit = off")
_BY_INDEX = "".join(
    f"SET LOCAL {name} = off; "
    for name in ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin")
)
