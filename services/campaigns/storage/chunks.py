"""Chunks: kept as bytes from the hand-over until a notifier has told of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.runs import Run


class Due(NamedTuple):
    """A chunk to publish: the same bytes however often."""

    id: UUID
    region: str
    payload: bytes
    publications: int


async def add(
    session: AsyncSession,
    run: Run,
    region: str,
    chunk_id: UUID,
    payload: bytes,
    size: int,
    due_in: timedelta,
) -> None:
    """Store a chunk that its maker publishes, or anybody after `due_in` if that failed."""
    given = {
        "id": chunk_id,
        "run_id": run.id,
        "run_date": run.run_date,
        "region": region,
        "payload": payload,
        "size": size,
        "due_in": due_in,
    }
    await session.execute(_ADD, given)


async def count_open(session: AsyncSession, run_id: UUID, region: str) -> int:
    """Return how many chunks of a run are with a region's notifier and not yet dealt with."""
    given = {"run_id": run_id, "region": region}
    return int(await session.scalar(_COUNT_OPEN, given) or 0)


async def claim_due(session: AsyncSession, limit: int, lease: timedelta) -> Sequence[Due]:
    """Return chunks that must be published (again), kept from others for the lease."""
    rows = await session.execute(_CLAIM_DUE, {"limit": limit, "lease": lease})
    return [Due(row.id, row.region, bytes(row.payload), row.publications) for row in rows]


async def published(session: AsyncSession, chunk_id: UUID, again_in: timedelta) -> None:
    """Note that the broker has a chunk; due again if a notifier stays silent about it."""
    await session.execute(_PUBLISHED, {"id": chunk_id, "again_in": again_in})


async def move(session: AsyncSession, deltas: Mapping[UUID, int]) -> None:
    """Move the open counts of chunks that a notifier told of, which therefore has them whole.

    A chunk's bytes are dropped when none of it is open any more. Locks the chunks in order.
    """
    given = {"ids": list(deltas), "deltas": list(deltas.values())}
    await session.execute(_MOVE, given)


async def forget(session: AsyncSession, run_id: UUID) -> None:
    """Delete the chunks of a run that has ended."""
    await session.execute(_FORGET, {"run_id": run_id})


_ADD = text("""
    INSERT INTO chunks (id, run_id, run_date, region, payload, size, open, due_at)
    VALUES (:id, :run_id, :run_date, :region, :payload, :size, :size,
            clock_timestamp() + CAST(:due_in AS interval))
""")
_COUNT_OPEN = text("""
    SELECT count(*) FROM chunks WHERE run_id = :run_id AND region = :region AND open > 0
""")
_CLAIM_DUE = text("""
    WITH due AS (
        SELECT id FROM chunks
        WHERE due_at <= clock_timestamp() AND payload IS NOT NULL
        ORDER BY due_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    UPDATE chunks SET due_at = clock_timestamp() + CAST(:lease AS interval)
    FROM due WHERE chunks.id = due.id
    RETURNING chunks.id, chunks.region, chunks.payload, chunks.publications
""")
_PUBLISHED = text("""
    UPDATE chunks
    SET published_at = clock_timestamp(), publications = publications + 1,
        due_at = CASE WHEN open = size THEN clock_timestamp() + CAST(:again_in AS interval) END
    WHERE id = :id
""")
_MOVE = text("""
    WITH locked AS (
        SELECT id FROM chunks WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE
    )
    UPDATE chunks
    SET open = chunks.open + given.delta, due_at = NULL,
        payload = CASE WHEN chunks.open + given.delta > 0 THEN chunks.payload END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:deltas AS integer[])) AS given (id, delta)
    JOIN locked USING (id)
    WHERE chunks.id = given.id
""")
_FORGET = text("DELETE FROM chunks WHERE run_id = :run_id")
