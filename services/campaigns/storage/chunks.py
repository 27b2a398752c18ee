"""Chunks: stretches of a run's plan that a region's notifier was given."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.runs import Run
from services.campaigns.storage import plans
from services.campaigns.storage.tables import chunks


class Cut(NamedTuple):
    """Some of those who wait in a region: as chunks carry them, by ordinal."""

    to_ordinal: int
    size: int
    packed: bytes


class Chunk(NamedTuple):
    """A chunk as it was handed over."""

    id: UUID
    run_id: UUID
    run_date: date
    region: str
    epoch: int
    from_ordinal: int
    to_ordinal: int
    size: int
    publications: int = 0


async def cut(
    session: AsyncSession, run: Run, region: str, after: int, people: int, size: int
) -> Cut | None:
    """Return the next of a region after an ordinal: so many people or bytes at most, or one.

    None if nobody waits. The caller holds the run's lock.
    """
    given = {
        "run_date": run.run_date,
        "run_id": run.id,
        "region": region,
        "after": after,
        "people": people,
        "bytes": size,
    }
    ((reached, taken, packed),) = await plans.by_index(session, _CUT, given)
    return Cut(reached, taken, packed) if taken else None


async def packed(session: AsyncSession, chunk: Chunk) -> bytes:
    """Return the recipients of a chunk of which none was heard, as they were handed over."""
    ((found,),) = await plans.by_index(session, _PACKED, chunk._asdict())
    return found or b""


async def first(session: AsyncSession, chunk: Chunk) -> UUID | None:
    """Return a message of a chunk of which none was heard; None if there is none."""
    found = await plans.by_index(session, _FIRST, chunk._asdict())
    return found[0][0] if found else None


async def add(session: AsyncSession, made: Sequence[Chunk], due_in: timedelta) -> None:
    """Store chunks that their maker publishes, or anybody after `due_in` if that failed."""
    due_at = func.clock_timestamp() + due_in
    rows = [{**each._asdict(), "due_at": due_at} for each in made]
    await session.execute(insert(chunks).values(rows))


async def claim_due(session: AsyncSession, limit: int, lease: timedelta) -> tuple[int, list[Chunk]]:
    """Look at chunks that are due; returns how many, and those to publish (again).

    These are kept from others for the lease. A chunk of which anybody was heard needs nothing.
    """
    rows = await plans.by_index(session, _CLAIM_DUE, {"limit": limit, "lease": lease})
    return len(rows), [Chunk(*row[1:]) for row in rows if not row[0]]


async def published(session: AsyncSession, chunk_ids: Sequence[UUID], again_in: timedelta) -> None:
    """Note that the broker has chunks; due again if a notifier stays silent about them."""
    await session.execute(_PUBLISHED, {"ids": list(chunk_ids), "again_in": again_in})


async def known(session: AsyncSession, chunk_ids: Sequence[UUID], again_in: timedelta) -> None:
    """Note that a notifier has chunks; it is asked again if it stays silent about them."""
    await session.execute(_KNOWN, {"ids": list(chunk_ids), "again_in": again_in})


async def forget(session: AsyncSession, run_id: UUID) -> None:
    """Delete the chunks of a run that has ended."""
    await session.execute(_FORGET, {"run_id": run_id})


_CUT = """
    WITH next AS (
        SELECT ordinal, packed FROM recipients
        WHERE run_date = %(run_date)s AND run_id = %(run_id)s AND ordinal > %(after)s
          AND region = %(region)s AND message_id IS NOT NULL AND state = 'PLANNED'
        ORDER BY ordinal
        LIMIT %(people)s
    ), measured AS (
        SELECT ordinal, packed, row_number() OVER places AS place,
               sum(octet_length(packed)) OVER places AS bytes
        FROM next WINDOW places AS (ORDER BY ordinal)
    )
    SELECT max(ordinal), count(*),
           string_agg(packed, '' ORDER BY ordinal)
    FROM measured WHERE bytes <= %(bytes)s OR place = 1
"""
_PACKED = """
    SELECT string_agg(packed, '' ORDER BY ordinal) FROM recipients
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
              AND r.region = due.region AND r.revision > 0
        ) AS heard
        FROM due
    )
    UPDATE chunks c
    SET due_at = CASE WHEN NOT heard THEN clock_timestamp() + CAST(%(lease)s AS interval) END
    FROM judged WHERE c.id = judged.id
    RETURNING judged.heard, c.id, c.run_id, c.run_date, c.region, c.epoch, c.from_ordinal,
              c.to_ordinal, c.size, c.publications
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
