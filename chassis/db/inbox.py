"""Which events a consumer has dealt with, so that a second delivery has no second effect."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def seen_before(session: AsyncSession, consumer: str, event_id: str) -> bool:
    """Notes the event in the transaction of its effect; True if that was done before.

    Waits for a concurrent delivery of the same event to commit or roll back.
    """
    noted = await session.execute(_NOTE, {"consumer": consumer, "event_id": str(event_id)})
    return noted.first() is None


async def prune(session: AsyncSession, keep: timedelta, limit: int = 1_000) -> int:
    """Forgets up to `limit` events noted longer ago than `keep`; returns how many."""
    deleted = await session.execute(_PRUNE, {"keep": keep, "limit": limit})
    return len(deleted.all())


_NOTE = text("""
    INSERT INTO inbox (consumer, event_id) VALUES (:consumer, :event_id)
    ON CONFLICT DO NOTHING
    RETURNING 1
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
