"""Queries of reminders to contacts whose time has come.

A claim locks them alone, waits for nobody and holds nothing while it waits; whoever changes them
does so in the order of their keys.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.interactions.domain import senders
from services.interactions.domain.contact_reminders import Key, Reminder
from services.interactions.domain.deliveries import Delivery, State
from services.interactions.domain.senders import Sender
from services.interactions.storage.deliveries import NOBODY


class Claim(NamedTuple):
    """Reminders that nobody else hands over before the lease ends, by the database's clock."""

    number: int
    taken: Sequence[Reminder]
    now: datetime


async def add(session: AsyncSession, key: Key, sender: Sender) -> None:
    """Stores one to be handed over at once; one that is there stays as it is."""
    given = {**key._asdict(), "sender": orjson.dumps(senders.stored(sender)).decode()}
    await session.execute(_ADD, given)


async def claim(session: AsyncSession, limit: int, lease: timedelta) -> Claim | None:
    """Claims up to `limit` that wait, oldest first; None where none does.

    Skips those that another replica is about to claim.
    """
    found = (await session.execute(_CLAIM, {"limit": limit, "lease": lease})).all()
    if not found:
        return None
    return Claim(found[0].claim, [_reminder(row) for row in found], found[0].now)


async def postpone(
    session: AsyncSession, number: int, keys: Sequence[Key], wait: timedelta
) -> None:
    """Has those that a claim still holds tried again after `wait`."""
    await session.execute(_POSTPONE, {**_keys(keys), "claim": number, "wait": wait})


async def lock(session: AsyncSession, keys: Collection[Key]) -> list[Delivery[Key]]:
    """Locks and returns those that are there."""
    found = await session.execute(_LOCK, _keys(sorted(set(keys))))
    return [_reminder(row).delivery for row in found]


async def store(session: AsyncSession, changed: Sequence[Delivery[Key]]) -> None:
    """Stores what became of locked ones."""
    if not changed:
        return
    given = {
        **_keys([it.key for it in changed]),
        "states": arrays.texts(it.state.value for it in changed),
        "reasons": arrays.texts(it.reason for it in changed),
        "rules": arrays.texts(it.rule for it in changed),
        "messages": arrays.uuids(it.message_id or NOBODY for it in changed),
        "revisions": arrays.numbers(it.revision for it in changed),
    }
    await session.execute(_STORE, given)


async def page(
    session: AsyncSession, follow_up_id: UUID, size: int, before: tuple[datetime, int, UUID] | None
) -> Sequence[Reminder]:
    """Returns up to `size` of a follow-up, the latest start first, from after the given place.

    A place is a start, minutes and a contact.
    """
    start, minutes, contact = before or (None, None, None)
    given = {
        "id": follow_up_id,
        "limit": size,
        "first": before is None,
        "start": start,
        "minutes": minutes,
        "contact": contact,
    }
    return [_reminder(row) for row in await session.execute(_PAGE, given)]


def _keys(keys: Sequence[Key]) -> dict[str, object]:
    return {
        "follow_ups": arrays.uuids(it.follow_up_id for it in keys),
        "contacts": arrays.uuids(it.contact_id for it in keys),
        "minutes": arrays.numbers(it.minutes_before for it in keys),
        "starts": arrays.times(it.start_time for it in keys),
    }


def _reminder(row: Row[Any]) -> Reminder:
    key = Key(row.follow_up_id, row.contact_id, row.minutes_before, row.start_time)
    delivery = Delivery(
        key=key,
        state=State(row.state),
        reason=row.reason,
        rule=row.rule,
        message_id=row.message_id,
        claim=row.claim,
        tries=row.tries,
        revision=row.revision,
        due_time=key.due_time,
        update_time=row.update_time,
    )
    return Reminder(delivery, senders.loaded(row.sender))


_COLUMNS = """r.follow_up_id, r.contact_id, r.minutes_before, r.start_time, r.sender, r.state,
    r.reason, r.rule, r.message_id, r.claim, r.tries, r.revision, r.update_time"""
_UNNESTED = """CAST(:follow_ups AS uuid[]), CAST(:contacts AS uuid[]),
    CAST(:minutes AS integer[]), CAST(:starts AS timestamptz[])"""
_SAME = """r.follow_up_id = g.follow_up_id AND r.contact_id = g.contact_id
    AND r.minutes_before = g.minutes AND r.start_time = g.start"""
_ADD = text("""
    INSERT INTO contact_reminders (follow_up_id, contact_id, minutes_before, start_time, sender)
    VALUES (:follow_up_id, :contact_id, :minutes_before, :start_time, CAST(:sender AS jsonb))
    ON CONFLICT DO NOTHING
""")
_CLAIM = text(f"""
    WITH number AS MATERIALIZED (SELECT nextval('delivery_claims') AS claim)
    UPDATE contact_reminders r
    SET claim = number.claim, tries = tries + 1,
        try_time = clock_timestamp() + CAST(:lease AS interval)
    FROM number
    WHERE r.ctid = ANY(ARRAY(
        SELECT ctid FROM contact_reminders
        WHERE state = 'waiting' AND try_time <= clock_timestamp()
        ORDER BY try_time
        LIMIT :limit
        FOR UPDATE SKIP LOCKED))
    RETURNING {_COLUMNS}, clock_timestamp() AS now
""")  # noqa: S608 (constant columns)
_POSTPONE = text(f"""
    UPDATE contact_reminders r SET try_time = clock_timestamp() + CAST(:wait AS interval)
    FROM unnest({_UNNESTED}) AS g (follow_up_id, contact_id, minutes, start)
    WHERE {_SAME} AND r.claim = :claim AND r.state = 'waiting'
""")  # noqa: S608
_LOCK = text(f"""
    SELECT {_COLUMNS} FROM contact_reminders r
    WHERE (r.follow_up_id, r.contact_id, r.minutes_before, r.start_time) IN (
        SELECT * FROM unnest({_UNNESTED}))
    ORDER BY r.follow_up_id, r.contact_id, r.minutes_before, r.start_time
    FOR UPDATE
""")  # noqa: S608
_STORE = text(f"""
    UPDATE contact_reminders r
    SET state = g.state, reason = g.reason, rule = g.rule, revision = g.revision,
        message_id = nullif(g.message_id, '00000000-0000-0000-0000-000000000000'),
        update_time = now()
    FROM unnest({_UNNESTED}, CAST(:states AS text[]), CAST(:reasons AS text[]),
        CAST(:rules AS text[]), CAST(:messages AS uuid[]), CAST(:revisions AS bigint[]))
        AS g (follow_up_id, contact_id, minutes, start, state, reason, rule, message_id, revision)
    WHERE {_SAME}
""")  # noqa: S608
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM contact_reminders r
    WHERE r.follow_up_id = :id
      AND (:first OR (r.start_time, r.minutes_before, r.contact_id)
          < (CAST(:start AS timestamptz), CAST(:minutes AS integer), CAST(:contact AS uuid)))
    ORDER BY r.start_time DESC, r.minutes_before DESC, r.contact_id DESC
    LIMIT :limit
""")  # noqa: S608
