"""Queries of reminders that wait; one that was given, or is not to be, has no row any more."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.interactions.domain.reminders import Due


async def put(session: AsyncSession, follow_up_id: UUID, times: Mapping[int, datetime]) -> None:
    """Has a locked follow-up's reminders given at these times, by minutes, and at no others."""
    await session.execute(_DROP, {"id": follow_up_id})
    if times:
        given = {
            "id": follow_up_id,
            "minutes": arrays.numbers(times),
            "due": arrays.times(times.values()),
        }
        await session.execute(_ADD, given)


async def put_those_of(session: AsyncSession, follow_up_ids: Collection[UUID]) -> None:
    """Has the reminders of new follow-ups given, but for those whose time has passed."""
    await session.execute(_ADD_THEIRS, {"ids": arrays.uuids(follow_up_ids)})


async def take_due(session: AsyncSession, limit: int) -> Sequence[Due]:
    """Deletes and returns up to `limit` whose time has come by the database's clock.

    Skips those that another replica, or a change of the follow-up, holds. Their follow-ups stay
    as they are until the transaction ends: what is stored of one needs it, and whoever changes it
    holds it and waits for its reminders.
    """
    found = await session.execute(_TAKE, {"limit": limit})
    return [Due(row.follow_up_id, row.minutes_before, row.due_time) for row in found]


_DROP = text("DELETE FROM reminders WHERE follow_up_id = :id")
_ADD = text("""
    INSERT INTO reminders (follow_up_id, minutes_before, due_time)
    SELECT :id, minutes, due
    FROM unnest(CAST(:minutes AS bigint[]), CAST(:due AS timestamptz[])) AS given (minutes, due)
""")
_ADD_THEIRS = text("""
    INSERT INTO reminders (follow_up_id, minutes_before, due_time)
    SELECT f.id, r.minutes, f.start_time - r.minutes * interval '1 minute'
    FROM follow_ups AS f
    CROSS JOIN LATERAL (
        SELECT CAST(it ->> 'minutes_before' AS integer)
        FROM jsonb_array_elements(f.reminders) AS given (it)
    ) AS r (minutes)
    WHERE f.id = ANY(CAST(:ids AS uuid[]))
      AND f.start_time - r.minutes * interval '1 minute' > now()
""")
_TAKE = text("""
    DELETE FROM reminders r
    WHERE r.ctid = ANY(ARRAY(
        SELECT d.ctid FROM reminders AS d JOIN follow_ups AS f ON f.id = d.follow_up_id
        WHERE d.due_time <= clock_timestamp()
        ORDER BY d.due_time
        LIMIT :limit
        FOR UPDATE OF d SKIP LOCKED
        FOR KEY SHARE OF f SKIP LOCKED))
    RETURNING follow_up_id, minutes_before, due_time
""")
