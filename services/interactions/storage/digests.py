"""Queries of digests: whose turn it is to be told by e-mail what they have not read.

Everybody who was ever told of something, or who chose, has one row, which is never deleted.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.digests import Draft, Turn
from services.interactions.domain.reminder_letters import Words


async def enlist(session: AsyncSession) -> None:
    """Gives everybody who has something unread a row, to be placed at once."""
    await session.execute(_ENLIST)


async def claim(session: AsyncSession, limit: int, lease: timedelta) -> Sequence[Turn]:
    """Returns up to `limit` whose turn has come, and leaves them to this worker for the lease.

    Each counts as tried from now on. Skips those that another worker is claiming.
    """
    found = await session.execute(_CLAIM, {"limit": limit, "lease": lease})
    return [
        Turn(
            row.user_id,
            row.number,
            row.is_placed,
            row.last_id,
            Draft(Words(**row.words), row.not_after) if row.words else None,
            row.attempts,
            row.wanted,
        )
        for row in found
    ]


async def is_wanted(session: AsyncSession, user_id: UUID) -> bool:
    """Returns whether a person wants digests: yes, unless they said otherwise."""
    said = await session.scalar(_WANTED, {"id": user_id})
    return said is not False


async def want(session: AsyncSession, user_id: UUID, *, wanted: bool) -> None:
    """Notes whether a person wants digests."""
    await session.execute(_WANT, {"id": user_id, "wanted": wanted})


async def keep(session: AsyncSession, turn: Turn, draft: Draft, until_id: UUID) -> Draft | None:
    """Stores what a turn's digest says, of all up to `until_id`, unless it says something.

    Returns what it says; None if the turn is over.
    """
    given = {
        "id": turn.user_id,
        "number": turn.number,
        "words": orjson.dumps(asdict(draft.words)).decode(),
        "not_after": draft.not_after,
        "until": until_id,
    }
    row = (await session.execute(_KEEP, given)).first()
    return Draft(Words(**row.words), row.not_after) if row else None


async def end(session: AsyncSession, turn: Turn, next_time: datetime) -> None:
    """Ends a turn, unless another worker did: the next comes at a time, for what is newer."""
    given = {"id": turn.user_id, "number": turn.number, "next": next_time}
    await session.execute(_END, given)


async def put_off(session: AsyncSession, turn: Turn, wait: timedelta) -> None:
    """Has a turn tried again after a time."""
    await session.execute(_PUT_OFF, {"id": turn.user_id, "number": turn.number, "wait": wait})


# One look into the index for each person, however much each has unread.
_ENLIST = text("""
    WITH RECURSIVE whose (user_id) AS (
        (SELECT user_id FROM notifications WHERE read_time IS NULL ORDER BY user_id LIMIT 1)
        UNION ALL
        SELECT (SELECT n.user_id FROM notifications n
                WHERE n.read_time IS NULL AND n.user_id > whose.user_id
                ORDER BY n.user_id LIMIT 1)
        FROM whose WHERE whose.user_id IS NOT NULL
    )
    INSERT INTO digests (user_id)
    SELECT user_id FROM whose WHERE user_id IS NOT NULL
    ON CONFLICT DO NOTHING
""")
_WANTED = text("SELECT wanted FROM digests WHERE user_id = :id")
_WANT = text("""
    INSERT INTO digests (user_id, wanted) VALUES (:id, :wanted)
    ON CONFLICT (user_id) DO UPDATE SET wanted = excluded.wanted
""")
_CLAIM = text("""
    UPDATE digests d
    SET attempts = attempts + 1, try_time = clock_timestamp() + CAST(:lease AS interval)
    WHERE d.ctid = ANY(ARRAY(
        SELECT ctid FROM digests WHERE try_time <= clock_timestamp()
        ORDER BY try_time
        LIMIT :limit
        FOR UPDATE SKIP LOCKED))
    RETURNING *
""")
_KEEP = text("""
    UPDATE digests
    SET words = coalesce(words, CAST(:words AS jsonb)), until_id = coalesce(until_id, :until),
        not_after = coalesce(not_after, :not_after)
    WHERE user_id = :id AND number = :number
    RETURNING words, not_after
""")
_END = text("""
    UPDATE digests
    SET number = number + 1, is_placed = true, last_id = coalesce(until_id, last_id),
        until_id = NULL, words = NULL, not_after = NULL, attempts = 0, try_time = :next
    WHERE user_id = :id AND number = :number
""")
_PUT_OFF = text("""
    UPDATE digests SET try_time = clock_timestamp() + CAST(:wait AS interval)
    WHERE user_id = :id AND number = :number
""")
