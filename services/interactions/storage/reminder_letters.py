"""Queries of e-mails that remind colleagues and wait to be handed to the notifier."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.interactions.domain.reminder_letters import Key, State, Waiting, Words


async def add(
    session: AsyncSession,
    follow_up_id: UUID,
    minutes_before: int,
    start: datetime,
    user_ids: Collection[UUID],
) -> None:
    """Stores letters to be handed over at once; those that are there stay as they are."""
    given = {
        "id": follow_up_id,
        "minutes": minutes_before,
        "start": start,
        "users": arrays.uuids(user_ids),
    }
    await session.execute(_ADD, given)


async def claim(session: AsyncSession, limit: int, lease: timedelta) -> Sequence[Waiting]:
    """Returns up to `limit` that are due, and leaves them to this worker for the lease.

    Each counts as tried from now on. Skips those that another worker is claiming.
    """
    found = await session.execute(_CLAIM, {"limit": limit, "lease": lease})
    return [
        Waiting(
            Key(row.follow_up_id, row.user_id, row.minutes_before, row.start_time),
            row.attempts,
            Words(**row.words) if row.words else None,
        )
        for row in found
    ]


async def keep_words(session: AsyncSession, key: Key, words: Words) -> Words | None:
    """Stores what one says unless it says something already; returns what it says.

    None for one that is settled or gone.
    """
    given = {**key._asdict(), "words": orjson.dumps(asdict(words)).decode()}
    row = (await session.execute(_KEEP, given)).first()
    return Words(**row.words) if row else None


async def settle(
    session: AsyncSession, key: Key, state: State, reason: str = "", message_id: Any = None
) -> bool:
    """Ends one that waits; False if another worker did."""
    given = {**key._asdict(), "state": state.value, "reason": reason, "message": message_id}
    return (await session.execute(_SETTLE, given)).first() is not None


async def put_off(session: AsyncSession, key: Key, wait: timedelta) -> None:
    """Has one tried again after a time."""
    await session.execute(_PUT_OFF, {**key._asdict(), "wait": wait})


async def drop_untried(session: AsyncSession, follow_up_id: UUID) -> None:
    """Deletes those of a locked follow-up that nobody tried to hand over."""
    await session.execute(_DROP_UNTRIED, {"id": follow_up_id})


_ADD = text("""
    INSERT INTO reminder_letters (follow_up_id, user_id, minutes_before, start_time)
    SELECT :id, user_id, :minutes, :start
    FROM unnest(CAST(:users AS uuid[])) AS given (user_id)
    ON CONFLICT DO NOTHING
""")
_CLAIM = text("""
    UPDATE reminder_letters r
    SET attempts = attempts + 1, next_time = clock_timestamp() + CAST(:lease AS interval)
    WHERE r.ctid = ANY(ARRAY(
        SELECT ctid FROM reminder_letters
        WHERE state = 'waiting' AND next_time <= clock_timestamp()
        ORDER BY next_time
        LIMIT :limit
        FOR UPDATE SKIP LOCKED))
    RETURNING follow_up_id, user_id, minutes_before, start_time, attempts, words
""")
_OF_KEY = """
    follow_up_id = :follow_up_id AND user_id = :user_id AND minutes_before = :minutes_before
    AND start_time = :start_time AND state = 'waiting'
"""
_KEEP = text(f"""
    UPDATE reminder_letters SET words = coalesce(words, CAST(:words AS jsonb))
    WHERE {_OF_KEY}
    RETURNING words
""")  # noqa: S608 (constant condition)
_SETTLE = text(f"""
    UPDATE reminder_letters
    SET state = :state, reason = :reason, message_id = CAST(:message AS uuid)
    WHERE {_OF_KEY}
    RETURNING 1
""")  # noqa: S608
_PUT_OFF = text(f"""
    UPDATE reminder_letters SET next_time = clock_timestamp() + CAST(:wait AS interval)
    WHERE {_OF_KEY}
""")  # noqa: S608
_DROP_UNTRIED = text("""
    DELETE FROM reminder_letters
    WHERE follow_up_id = :id AND state = 'waiting' AND attempts = 0
""")
