"""Chunks: stretches of a run's plan that a region's notifier was given."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.runs import Run
from services.campaigns.storage import plans


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
    await plans.by_index(session)
    given = {
        "run_date": run.run_date,
        "run_id": run.id,
        "region": region,
        "after": after,
        "people": people,
        "bytes": size,
    }
    row = (await session.execute(_CUT, given)).one()
    return Cut(row.to_ordinal, row.size, bytes(row.packed)) if row.size else None


async def packed(session: AsyncSession, chunk: Chunk) -> bytes:
    """Return the recipients of a chunk of which none was heard, as they were handed over."""
    await plans.by_index(session)
    return bytes((await session.execute(_PACKED, chunk._asdict())).scalar_one() or b"")


async def add(session: AsyncSession, chunk: Chunk, due_in: timedelta) -> None:
    """Store a chunk that its maker publishes, or anybody after `due_in` if that failed."""
    await session.execute(_ADD, {**chunk._asdict(), "due_in": due_in})


async def claim_due(session: AsyncSession, limit: int, lease: timedelta) -> tuple[int, list[Chunk]]:
    """Look at chunks that are due; returns how many, and those to publish (again).

    These are kept from others for the lease. A chunk of which anybody was heard needs nothing.
    """
    await plans.by_index(session)
    rows = list(await session.execute(_CLAIM_DUE, {"limit": limit, "lease": lease}))
    return len(rows), [Chunk(*row[1:]) for row in rows if not row.heard]


async def published(session: AsyncSession, chunk_ids: Sequence[UUID], again_in: timedelta) -> None:
    """Note that the broker has chunks; due again if a notifier stays silent about them."""
    await session.execute(_PUBLISHED, {"ids": list(chunk_ids), "again_in": again_in})


async def forget(session: AsyncSession, run_id: UUID) -> None:
    """Delete the chunks of a run that has ended."""
    await session.execute(_FORGET, {"run_id": run_id})


_CUT = text("""
    WITH next AS (
        SELECT ordinal, packed FROM recipients
        WHERE run_date = :run_date AND run_id = :run_id AND ordinal > :after
          AND region = :region AND message_id IS NOT NULL AND state = 'PLANNED'
        ORDER BY ordinal
        LIMIT :people
    ), measured AS (
        SELECT ordinal, packed, row_number() OVER places AS place,
               sum(octet_length(packed)) OVER places AS bytes
        FROM next WINDOW places AS (ORDER BY ordinal)
    )
    SELECT max(ordinal) AS to_ordinal, count(*) AS size,
           string_agg(packed, '' ORDER BY ordinal) AS packed
    FROM measured WHERE bytes <= :bytes OR place = 1
""")
_PACKED = text("""
    SELECT string_agg(packed, '' ORDER BY ordinal) FROM recipients
    WHERE run_date = :run_date AND run_id = :run_id
      AND ordinal > :from_ordinal AND ordinal <= :to_ordinal
      AND region = :region AND message_id IS NOT NULL AND state = 'PLANNED'
""")
_ADD = text("""
    INSERT INTO chunks (id, run_id, run_date, region, epoch, from_ordinal, to_ordinal, size, due_at)
    VALUES (:id, :run_id, :run_date, :region, :epoch, :from_ordinal, :to_ordinal, :size,
            clock_timestamp() + CAST(:due_in AS interval))
""")
_CLAIM_DUE = text("""
    WITH due AS (
        SELECT * FROM chunks
        WHERE due_at <= clock_timestamp()
        ORDER BY due_at
        LIMIT :limit
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
    SET due_at = CASE WHEN NOT heard THEN clock_timestamp() + CAST(:lease AS interval) END
    FROM judged WHERE c.id = judged.id
    RETURNING judged.heard, c.id, c.run_id, c.run_date, c.region, c.epoch, c.from_ordinal,
              c.to_ordinal, c.size, c.publications
""")
_PUBLISHED = text("""
    UPDATE chunks
    SET published_at = clock_timestamp(), publications = publications + 1,
        due_at = clock_timestamp() + CAST(:again_in AS interval)
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")
_FORGET = text("DELETE FROM chunks WHERE run_id = :run_id")
