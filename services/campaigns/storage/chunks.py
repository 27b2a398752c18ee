"""Chunks: stretches of a run's plan, packed as the notifier of a region gets them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays
from services.campaigns.storage import plans


class Chunk(NamedTuple):
    """Some of a region's planned people, between two ordinals, as a notifier gets them.

    `payload` is what a chunk carries of them; `thinned` says that some were heard of before they
    were handed over. The epoch is that of the run when they were.
    """

    id: UUID
    run_id: UUID
    run_date: date
    region: str
    from_ordinal: int
    to_ordinal: int
    size: int
    payload: bytes
    thinned: bool = False
    epoch: int = 0
    publications: int = 0


async def plan(session: AsyncSession, made: Sequence[Chunk]) -> None:
    """Store chunks of a plan; nobody publishes them before they are handed over."""
    raw = await db.driver(session)
    with plans.translated(raw):
        async with raw.cursor() as cursor, cursor.copy(_COPY) as stream:
            stream.set_types(_TYPES)
            for each in made:
                await stream.write_row(each[: len(_PLANNED)])


async def waiting(
    session: AsyncSession, run_id: UUID, region: str, after: int, limit: int
) -> Sequence[Chunk]:
    """Return the next chunks of a region after an ordinal; the caller holds the run's lock."""
    given = {"run_id": run_id, "region": region, "after": after, "limit": limit}
    return [_chunk(row) for row in await session.execute(_WAITING, given)]


async def first(session: AsyncSession, chunk: Chunk) -> UUID | None:
    """Return a message of a chunk of which none was heard; None if there is none."""
    found = await plans.by_index(session, _FIRST, chunk._asdict())
    return found[0][0] if found else None


async def unheard(session: AsyncSession, chunk: Chunk) -> set[bytes]:
    """Return the messages of a chunk of which nothing was heard."""
    rows = await plans.by_index(session, _UNHEARD, chunk._asdict())
    return {message_id.bytes for (message_id,) in rows}


async def thin(
    session: AsyncSession, run_id: UUID, run_date: date, message_ids: Sequence[bytes]
) -> None:
    """Note the chunks some of whose messages were heard of before they were handed over."""
    given = {"run_id": run_id, "run_date": run_date, "ids": arrays.raw_uuids(message_ids)}
    await plans.by_index(session, _THIN, given)


async def hand(session: AsyncSession, handed: Sequence[Chunk], due_in: timedelta) -> None:
    """Note that chunks are handed over, at their epoch; anybody publishes them after `due_in`."""
    for each in handed:
        await session.execute(
            _HAND, {"id": each.id, "epoch": each.epoch, "size": each.size, "due_in": due_in}
        )


async def claim_due(session: AsyncSession, limit: int, lease: timedelta) -> tuple[int, list[Chunk]]:
    """Look at chunks that are due; returns how many, and those to publish (again).

    These are kept from others for the lease. A chunk of which anybody was heard needs nothing; one
    that was thinned does while there is anybody of whom nothing was heard.
    """
    rows = await plans.by_index(session, _CLAIM_DUE, {"limit": limit, "lease": lease})
    return len(rows), [_chunk(row[1:]) for row in rows if not row[0]]


async def published(session: AsyncSession, chunk_ids: Sequence[UUID], again_in: timedelta) -> None:
    """Note that the broker has chunks; due again if a notifier stays silent about them."""
    await session.execute(_PUBLISHED, {"ids": list(chunk_ids), "again_in": again_in})


async def known(session: AsyncSession, chunk_ids: Sequence[UUID], again_in: timedelta) -> None:
    """Note that a notifier has chunks; it is asked again if it stays silent about them."""
    await session.execute(_KNOWN, {"ids": list(chunk_ids), "again_in": again_in})


async def forget(session: AsyncSession, run_id: UUID) -> None:
    """Delete the chunks of a run that has ended."""
    await session.execute(_FORGET, {"run_id": run_id})


def _chunk(row: Sequence[Any]) -> Chunk:
    return Chunk._make(row)


_PLANNED = Chunk._fields[:8]
_COPY = f"COPY chunks ({', '.join(_PLANNED)}) FROM STDIN (FORMAT BINARY)"
_TYPES = ("uuid", "uuid", "date", "text", "int8", "int8", "int4", "bytea")
_WAITING = text(f"""
    SELECT {", ".join(Chunk._fields)} FROM chunks
    WHERE run_id = :run_id AND region = :region AND to_ordinal > :after
    ORDER BY to_ordinal LIMIT :limit
""")  # noqa: S608 (our own names)
_UNHEARD = """
    SELECT message_id FROM recipients
    WHERE run_date = %(run_date)s AND run_id = %(run_id)s
      AND ordinal > %(from_ordinal)s AND ordinal <= %(to_ordinal)s
      AND region = %(region)s AND message_id IS NOT NULL AND state = 'PLANNED'
"""
_FIRST = """
    SELECT message_id FROM recipients
    WHERE run_date = %(run_date)s AND run_id = %(run_id)s
      AND ordinal > %(from_ordinal)s AND ordinal <= %(to_ordinal)s
      AND region = %(region)s AND message_id IS NOT NULL AND state = 'PLANNED'
    ORDER BY ordinal LIMIT 1
"""
_THIN = """
    UPDATE chunks c SET thinned = true
    FROM recipients r
    WHERE r.run_date = %(run_date)s AND r.message_id = ANY(CAST(%(ids)s AS uuid[]))
      AND r.run_id = %(run_id)s AND c.run_id = r.run_id AND c.region = r.region
      AND c.from_ordinal < r.ordinal AND c.to_ordinal >= r.ordinal
    RETURNING c.id
"""
_HAND = text("""
    UPDATE chunks
    SET epoch = :epoch, size = :size, hand_time = clock_timestamp(),
        due_at = clock_timestamp() + CAST(:due_in AS interval)
    WHERE id = :id
""")
_CLAIM_DUE = """
    WITH due AS (
        SELECT * FROM chunks
        WHERE due_at <= clock_timestamp()
        ORDER BY due_at
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ), judged AS (
        SELECT due.id, EXISTS (
            SELECT 1 FROM recipients r
            WHERE r.run_date = due.run_date AND r.run_id = due.run_id
              AND r.ordinal > due.from_ordinal AND r.ordinal <= due.to_ordinal
              AND r.region = due.region AND r.message_id IS NOT NULL
              AND (r.revision > 0) <> due.thinned
        ) <> due.thinned AS heard
        FROM due
    )
    UPDATE chunks c
    SET due_at = CASE WHEN NOT heard THEN clock_timestamp() + CAST(%(lease)s AS interval) END
    FROM judged WHERE c.id = judged.id
    RETURNING judged.heard, c.id, c.run_id, c.run_date, c.region, c.from_ordinal, c.to_ordinal,
              c.size, CASE WHEN heard THEN '' ELSE c.payload END, c.thinned, c.epoch, c.publications
"""
_PUBLISHED = text("""
    UPDATE chunks
    SET published_at = clock_timestamp(), publications = publications + 1,
        due_at = clock_timestamp() + CAST(:again_in AS interval)
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")
_KNOWN = text("""
    UPDATE chunks SET due_at = clock_timestamp() + CAST(:again_in AS interval)
    WHERE id = ANY(CAST(:ids AS uuid[])) AND due_at IS NOT NULL
""")
_FORGET = text("DELETE FROM chunks WHERE run_id = :run_id")
