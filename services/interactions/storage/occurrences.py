"""Queries that plan the follow-ups of series."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.interactions.domain import deliveries
from services.interactions.domain.recurrence import Cursor
from services.interactions.domain.series import Planned, Series
from services.interactions.storage import series
from services.interactions.storage.tables import series as table

Moved = tuple[UUID, Cursor | None, datetime | None]
"""A series, where its planning goes on, and when."""

Gone = Mapping[UUID, UUID | None]
"""Follow-ups that were deleted, and the contact of each."""


async def claim(session: AsyncSession, limit: int) -> Sequence[Series]:
    """Locks and returns up to `limit` series that are due; skips those another replica holds."""
    found = await session.execute(_CLAIM.columns(*table.c), {"limit": limit})
    return [series.read(row) for row in found]


async def add(session: AsyncSession, planned: Sequence[Planned]) -> Sequence[Planned]:
    """Stores follow-ups of series that were locked before; returns those that are new.

    Left out are those that are there already, that somebody deleted, or whose contact was; and
    a message at a time at which another follow-up of its series has its contact or several.
    """
    if not planned:
        return []
    values = {
        "ids": arrays.uuids(it.id for it in planned),
        "series": arrays.uuids(it.series_id for it in planned),
        "contacts": arrays.of(it.contact_id.hex if it.contact_id else "NULL" for it in planned),
        "times": arrays.times(it.time for it in planned),
        "starts": arrays.times(it.start for it in planned),
        "progress": _NOTHING_DONE,
    }
    new = set(await session.scalars(_ADD, values))
    return planned if len(new) == len(planned) else [it for it in planned if it.id in new]


async def send(session: AsyncSession, new: Sequence[Planned]) -> None:
    """Has the messages of new follow-ups sent at their time; passes over those without one."""
    values = {"ids": arrays.uuids(it.id for it in new)}
    await session.execute(_ADD_DELIVERIES, values)
    await session.execute(_ADD_RESOLUTIONS, values)


async def move(session: AsyncSession, moved: Sequence[Moved]) -> None:
    """Stores where the planning of series that were locked before goes on."""
    values = {
        "ids": arrays.uuids(it for it, _, _ in moved),
        "locals": arrays.times(at.local if at else None for _, at, _ in moved),
        "passed": arrays.of(str(at.passed) if at else "NULL" for _, at, _ in moved),
        "due": arrays.times(due for _, _, due in moved),
    }
    await session.execute(_MOVE, values)


async def drop_untouched(
    session: AsyncSession,
    series_id: UUID,
    now: datetime,
    *,
    since: datetime | None = None,
    but: Collection[tuple[UUID, datetime]] = (),
) -> Gone:
    """Deletes and returns what a series planned after `now` and nobody touched.

    Only from the time `since` of its rule on, and not what `but` has. Somebody who
    holds one right now is touching it, and so is who sends its message.
    """
    values = {
        "series": series_id,
        "now": now,
        "since": since or now,
        "contacts": arrays.uuids(who for who, _ in but),
        "times": arrays.times(time for _, time in but),
    }
    return {row.id: row.contact_id for row in await session.execute(_DROP_UNTOUCHED, values)}


async def pending_messages(session: AsyncSession, series_id: UUID) -> Sequence[UUID]:
    """Returns the follow-ups of a series with a message that are neither done nor cancelled."""
    return list(await session.scalars(_PENDING_MESSAGES, {"series": series_id}))


async def drop_pending(session: AsyncSession, series_id: UUID, time: datetime) -> Gone:
    """Deletes and returns what of a series is scheduled or open for one time of its rule.

    Not what is being sent.
    """
    found = await session.execute(_DROP_PENDING, {"series": series_id, "time": time})
    return {row.id: row.contact_id for row in found}


async def hand_over(session: AsyncSession, old: UUID, new: UUID, since: datetime) -> None:
    """Makes a series' follow-ups, and what was deleted of them, another's from a time on."""
    values = {"old": old, "new": new, "since": since}
    await session.execute(_HAND_OVER, values)
    await session.execute(_HAND_OVER_SKIPS, values)


async def hold_series(session: AsyncSession, follow_up_id: UUID) -> None:
    """Keeps others and workers from changing a follow-up's series until the end, if it has one."""
    await session.execute(_HOLD_SERIES, {"id": follow_up_id})


async def skip(
    session: AsyncSession, series_id: UUID, time: datetime, contact_id: UUID | None
) -> None:
    """Notes that somebody deleted an occurrence, if its series is still there.

    Without a contact it was a message to several. Waits for a worker that plans the series.
    """
    await session.execute(_SKIP, {"series": series_id, "time": time, "contact": contact_id})


async def last_orders(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Returns when each of these contacts ordered last, cancelled orders not counted."""
    found = await session.execute(_LAST_ORDERS, {"ids": arrays.uuids(ids)})
    return {row.contact_id: row.ordered for row in found}


async def unpaid(session: AsyncSession, ids: Collection[UUID]) -> list[tuple[UUID, date]]:
    """Returns these contacts with each day on which an invoice is due that is not paid."""
    found = await session.execute(_UNPAID, {"ids": arrays.uuids(ids)})
    return [(row.contact_id, row.due) for row in found]


async def wake(session: AsyncSession, contact_ids: Collection[UUID]) -> None:
    """Makes the series that wait for orders or invoices of these contacts due."""
    await session.execute(_WAKE, {"contacts": arrays.uuids(contact_ids)})


# By name, since columns of the database may stand in another order than ours.
_CLAIM = text(f"""
    SELECT {", ".join(it.name for it in table.c)} FROM series
    WHERE due_time <= now() AND NOT paused
    ORDER BY due_time
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
""")  # noqa: S608 (names of columns)
_ADD = text("""
    INSERT INTO follow_ups (
        id, title, type, status, contact_id, series_id, recurrence_time, assignee_ids,
        start_time, end_time, time_zone, description, category, team_id, creator_id,
        message, segment_id, contact_count, reminders, progress
    )
    SELECT p.id, s.title, s.type, CASE WHEN p.start <= now() THEN 'open' ELSE 'scheduled' END,
           p.contact_id, s.id, p.time, s.assignee_ids,
           p.start, p.start + s.duration, s.time_zone, s.description, s.category, s.team_id,
           s.creator_id, s.message, s.segment_id, n.count, s.reminders,
           CASE WHEN s.message IS NOT NULL
                THEN CAST(:progress AS jsonb) || jsonb_build_object('waiting', n.count) END
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:series AS uuid[]), CAST(:contacts AS uuid[]),
        CAST(:times AS timestamptz[]), CAST(:starts AS timestamptz[])
    ) AS p (id, series_id, contact_id, time, start)
    JOIN series AS s ON s.id = p.series_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN p.contact_id IS NULL THEN cardinality(s.contact_ids) ELSE 1 END
    ) AS n (count)
    WHERE NOT EXISTS (SELECT FROM contacts AS c WHERE c.deleted AND c.id = p.contact_id)
      AND NOT EXISTS (
          SELECT FROM series_skips AS k
          WHERE k.series_id = p.series_id AND k.recurrence_time = p.time
            AND (k.contact_id = p.contact_id OR k.contact_id IS NULL OR p.contact_id IS NULL)
      )
      AND (s.message IS NULL OR NOT EXISTS (
          SELECT FROM follow_ups AS f
          WHERE f.series_id = p.series_id AND f.recurrence_time = p.time
            AND (f.contact_id IS NULL OR p.contact_id IS NULL)
      ))
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_NOTHING_DONE = orjson.dumps(dict(deliveries.planned(0))).decode()
_ADD_DELIVERIES = text("""
    INSERT INTO deliveries (follow_up_id, contact_id, due_time, try_time)
    SELECT f.id, c.id, f.start_time, f.start_time
    FROM follow_ups AS f
    JOIN series AS s ON s.id = f.series_id
    CROSS JOIN LATERAL unnest(
        CASE WHEN f.contact_id IS NULL THEN s.contact_ids ELSE ARRAY[f.contact_id] END
    ) AS c (id)
    WHERE f.id = ANY(CAST(:ids AS uuid[])) AND f.message IS NOT NULL AND f.segment_id IS NULL
""")
_ADD_RESOLUTIONS = text("""
    INSERT INTO resolutions (follow_up_id, try_time)
    SELECT id, start_time FROM follow_ups
    WHERE id = ANY(CAST(:ids AS uuid[])) AND segment_id IS NOT NULL
""")
_PENDING_MESSAGES = text("""
    SELECT id FROM follow_ups
    WHERE series_id = :series AND status IN ('scheduled', 'open') AND message IS NOT NULL
    ORDER BY id
""")
_MOVE = text("""
    UPDATE series AS s
    SET cursor_local = m.local, cursor_passed = m.passed, due_time = m.due
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:locals AS timestamp[]), CAST(:passed AS integer[]),
        CAST(:due AS timestamptz[])
    ) AS m (id, local, passed, due)
    WHERE s.id = m.id
""")
# What a courier or resolver has begun with stays, as planned anew it would be sent twice. They lock
# deliveries and resolutions alone: whoever waits for them here sees what they did.
_UNSENT = """
    tried AS (
        SELECT d.follow_up_id, d.tries > 0 AS begun FROM deliveries AS d
        WHERE d.follow_up_id IN (SELECT id FROM free)
        FOR UPDATE
    ), resolved AS (
        SELECT r.follow_up_id, r.claim > 0 AS begun FROM resolutions AS r
        WHERE r.follow_up_id IN (SELECT id FROM free)
        FOR UPDATE
    )
    DELETE FROM follow_ups
    WHERE id IN (SELECT id FROM free)
      AND id NOT IN (SELECT follow_up_id FROM tried WHERE begun)
      AND id NOT IN (SELECT follow_up_id FROM resolved WHERE begun)
    RETURNING id, contact_id
"""
# Every change by a person or by time raises the revision. Who only reminds of one touches nothing
# and is waited for, so not FOR UPDATE.
_DROP_UNTOUCHED = text(f"""
    WITH free AS (
        SELECT f.id FROM follow_ups AS f
        WHERE f.series_id = :series AND f.status = 'scheduled' AND f.revision = 1
          AND f.start_time > :now AND f.recurrence_time >= :since
          AND NOT EXISTS (
              SELECT FROM unnest(
                  CAST(:contacts AS uuid[]), CAST(:times AS timestamptz[])
              ) AS k (contact_id, time)
              WHERE k.contact_id = f.contact_id AND k.time = f.recurrence_time
          )
        FOR NO KEY UPDATE SKIP LOCKED
    ), {_UNSENT}
""")  # noqa: S608
_DROP_PENDING = text(f"""
    WITH free AS (
        SELECT id FROM follow_ups
        WHERE series_id = :series AND recurrence_time = :time AND status IN ('scheduled', 'open')
        FOR UPDATE
    ), {_UNSENT}
""")  # noqa: S608
_HAND_OVER = text("""
    UPDATE follow_ups SET series_id = :new WHERE series_id = :old AND recurrence_time >= :since
""")
_HAND_OVER_SKIPS = text("""
    UPDATE series_skips SET series_id = :new WHERE series_id = :old AND recurrence_time >= :since
""")
_HOLD_SERIES = text("""
    SELECT FROM series WHERE id = (SELECT series_id FROM follow_ups WHERE id = :id) FOR SHARE
""")
_SKIP = text("""
    WITH kept AS (SELECT id FROM series WHERE id = :series FOR SHARE)
    INSERT INTO series_skips (series_id, recurrence_time, contact_id)
    SELECT id, :time, :contact FROM kept
    ON CONFLICT DO NOTHING
""")
_LAST_ORDERS = text("""
    SELECT contact_id, max(time) AS ordered
    FROM facts
    WHERE contact_id = ANY(CAST(:ids AS uuid[])) AND kind = 'transaction'
      AND details->>'type' = 'order' AND coalesce(details->>'status', '') <> 'cancelled'
    GROUP BY contact_id
""")
_UNPAID = text("""
    SELECT DISTINCT contact_id, CAST(details->>'due_date' AS date) AS due
    FROM facts
    WHERE contact_id = ANY(CAST(:ids AS uuid[])) AND kind = 'transaction'
      AND details->>'type' = 'invoice' AND coalesce(details->>'status', '') <> 'cancelled'
      AND details->>'due_date' <> '' AND coalesce(details->>'paid_time', '') = ''
""")
# In one order, so that two consumers never wait for each other.
_WAKE = text("""
    UPDATE series SET due_time = now()
    WHERE id IN (
        SELECT id FROM series
        WHERE contact_ids && CAST(:contacts AS uuid[]) AND days IS NOT NULL
        ORDER BY id
        FOR UPDATE
    )
""")
