"""Which events a consumer has dealt with, so that a second delivery has no second effect."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays


async def seen_before(session: AsyncSession, consumer: str, event_id: str) -> bool:
    """Notes the event in the transaction of its effect; True if that was done before.

    Waits for a concurrent delivery of the same event to commit or roll back.
    """
    noted = await session.execute(_NOTE, {"consumer": consumer, "event_id": str(event_id)})
    return noted.first() is None


async def note(session: AsyncSession, consumer: str, event_ids: Iterable[str]) -> set[str]:
    """As `seen_before` for several events; returns those that were not."""
    ids = arrays.texts(map(str, event_ids))
    noted = await session.scalars(_NOTE_ALL, {"consumer": consumer, "ids": ids})
    return set(noted)


async def prune(session: AsyncSession, keep: timedelta, limit: int = 1_000) -> int:
    """Forgets up to `limit` events noted longer ago than `keep`; returns how many."""
    deleted = await session.execute(_PRUNE, {"keep": keep, "limit": limit})
    return len(deleted.all())


_NOTE = text("""
    INSERT INTO inbox (consumer, event_id) VALUES (:consumer, :event_id)
    ON CONFLICT DO NOTHING
    RETURNING 1
""")
# In the order of the ids, so that two that hold the same ones do not wait for each other.
_NOTE_ALL = text("""
    INSERT INTO inbox (consumer, event_id)
    SELECT :consumer, id FROM unnest(CAST(:ids AS text[])) AS id ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING event_id
""")
_PRUNE = text("""
    DELETE FROM inbox WHERE (consumer, event_id) IN (
        SELECT consumer, event_id FROM inbox
        WHERE seen_at < now() - CAST(:keep AS interval)
        ORDER BY seen_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    RETURNING 1
""")
