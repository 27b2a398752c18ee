"""Queries of deliveries.

Whoever changes deliveries locks their follow-ups first (`standings`), in the order of their ids;
a claim locks deliveries alone, waits for nobody and holds nothing while it waits.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.interactions.domain.deliveries import Delivery, Key, Standing, State
from services.interactions.domain.follow_ups import Status
from services.interactions.storage.tables import deliveries

NOBODY = UUID(int=0)


class Claim(NamedTuple):
    """Deliveries that nobody else hands over before the lease ends, by the database's clock."""

    number: int
    taken: Sequence[Delivery[Key]]
    now: datetime


async def add(
    session: AsyncSession, follow_up_id: UUID, contact_ids: Collection[UUID], due: datetime
) -> int:
    """Stores deliveries that wait for their time; returns how many of them are new."""
    given = {"id": follow_up_id, "contacts": arrays.uuids(contact_ids), "due": due}
    return (await session.execute(_ADD, given)).rowcount  # type: ignore[attr-defined, no-any-return]


async def claim(session: AsyncSession, limit: int, lease: timedelta) -> Claim | None:
    """Claims up to `limit` whose time has come, oldest first; None where none has.

    Skips those that another replica is about to claim.
    """
    found = (await session.execute(_CLAIM, {"limit": limit, "lease": lease})).all()
    if not found:
        return None
    return Claim(found[0].claim, [_delivery(row) for row in found], found[0].now)


async def postpone(
    session: AsyncSession, number: int, keys: Sequence[Key], wait: timedelta
) -> None:
    """Has those that a claim still holds tried again after `wait`."""
    await session.execute(_POSTPONE, {**_keys(keys), "claim": number, "wait": wait})


async def standings(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Standing]:
    """Locks follow-ups and returns how they stand; those that are gone are left out."""
    found = await session.execute(_STANDINGS, {"ids": arrays.uuids(sorted(set(ids)))})
    return {
        row.id: Standing(Status(row.status), row.progress, row.outcome, row.resolved)
        for row in found
    }


async def stand(session: AsyncSession, changed: Mapping[UUID, Standing]) -> None:
    """Stores how locked follow-ups stand; the revision grows where the status changes."""
    if not changed:
        return
    given = {
        "ids": arrays.uuids(changed),
        "statuses": arrays.texts(it.status.value for it in changed.values()),
        "outcomes": arrays.texts(it.outcome for it in changed.values()),
        "progresses": arrays.texts(
            orjson.dumps(dict(it.progress)).decode() for it in changed.values()
        ),
    }
    await session.execute(_STAND, given)


async def lock(session: AsyncSession, keys: Collection[Key]) -> dict[Key, Delivery[Key]]:
    """Locks deliveries and returns them; call `standings` before."""
    found = await session.execute(_LOCK, _keys(list(keys)))
    return {it.key: it for it in map(_delivery, found)}


async def lock_waiting(session: AsyncSession, follow_up_id: UUID) -> list[Delivery[Key]]:
    """Locks the deliveries of a locked follow-up that wait, and returns them."""
    found = await session.execute(_LOCK_WAITING, {"id": follow_up_id})
    return [_delivery(row) for row in found]


async def store(session: AsyncSession, changed: Sequence[Delivery[Key]]) -> None:
    """Stores what became of locked deliveries."""
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


async def clear(session: AsyncSession, follow_up_id: UUID) -> bool:
    """Deletes the deliveries of a locked follow-up; False where one was tried and stays."""
    await session.execute(_CLEAR, {"id": follow_up_id})
    return not await session.scalar(_ANY_TRIED, {"id": follow_up_id})


async def move(session: AsyncSession, follow_up_id: UUID, due: datetime) -> bool:
    """Gives the deliveries of a locked follow-up another time; False where one was tried."""
    await session.execute(_MOVE, {"id": follow_up_id, "due": due})
    return not await session.scalar(_ANY_TRIED, {"id": follow_up_id})


async def contacts_of(
    session: AsyncSession, ids: Collection[UUID], limit: int
) -> dict[UUID, list[UUID]]:
    """Returns up to `limit` contacts of each follow-up, by id."""
    found: dict[UUID, list[UUID]] = {}
    given = {"ids": arrays.uuids(ids), "limit": limit}
    for row in await session.execute(_CONTACTS, given) if ids else ():
        found.setdefault(row.follow_up_id, []).append(row.contact_id)
    return found


async def page(
    session: AsyncSession,
    follow_up_id: UUID,
    states: Sequence[State],
    size: int,
    after: UUID | None,
) -> Sequence[Delivery[Key]]:
    """Returns up to `size` of a follow-up by contact, from after the given one."""
    query = select(*[deliveries.c[name] for name in _NAMES])
    query = query.where(deliveries.c.follow_up_id == follow_up_id)
    if states:
        query = query.where(deliveries.c.state.in_(states))
    if after is not None:
        query = query.where(deliveries.c.contact_id > after)
    query = query.order_by(deliveries.c.contact_id).limit(size)
    return [_delivery(row) for row in await session.execute(query)]


async def count_handed_over(session: AsyncSession, ids: Collection[UUID]) -> int:
    """Returns how many deliveries of these follow-ups the notifier has or had."""
    states = (State.HANDED_OVER, State.SENT, State.DELIVERED, State.IN_DOUBT)
    query = select(func.count()).where(
        deliveries.c.follow_up_id.in_(list(ids)), deliveries.c.state.in_(states)
    )
    return int((await session.execute(query)).scalar_one()) if ids else 0


async def backlog_seconds(session: AsyncSession) -> float:
    """Returns the age of the oldest delivery that is due and not handed over, 0 for none.

    One that is held or put off counts from when it was due.
    """
    found: float = await session.scalar(_BACKLOG) or 0.0
    return found


def _keys(keys: Sequence[Key]) -> dict[str, object]:
    return {
        "follow_ups": arrays.uuids(it.follow_up_id for it in keys),
        "contacts": arrays.uuids(it.contact_id for it in keys),
    }


def _delivery(row: Row[Any]) -> Delivery[Key]:
    # By place: to ask a row for its names takes as long as all else.
    follow_up_id, contact_id, state, *rest = row[: len(_NAMES)]
    return Delivery(Key(follow_up_id, contact_id), State(state), *rest)


_NAMES = ("follow_up_id", "contact_id", *Delivery._fields[1:])
_COLUMNS = ", ".join(f"d.{name}" for name in _NAMES)
_ADD = text("""
    INSERT INTO deliveries (follow_up_id, contact_id, due_time, try_time)
    SELECT :id, contact_id, :due, :due
    FROM unnest(CAST(:contacts AS uuid[])) AS given (contact_id)
    ON CONFLICT DO NOTHING
""")
_CLAIM = text(f"""
    WITH number AS MATERIALIZED (SELECT nextval('delivery_claims') AS claim)
    UPDATE deliveries d
    SET claim = number.claim, tries = tries + 1,
        try_time = clock_timestamp() + CAST(:lease AS interval)
    FROM number
    WHERE d.ctid = ANY(ARRAY(
        SELECT ctid FROM deliveries
        WHERE state = 'waiting' AND try_time <= clock_timestamp()
        ORDER BY try_time
        LIMIT :limit
        FOR UPDATE SKIP LOCKED))
    RETURNING {_COLUMNS}, clock_timestamp() AS now
""")  # noqa: S608 (constant columns)
_POSTPONE = text("""
    UPDATE deliveries d SET try_time = clock_timestamp() + CAST(:wait AS interval)
    FROM unnest(CAST(:follow_ups AS uuid[]), CAST(:contacts AS uuid[]))
        AS g (follow_up_id, contact_id)
    WHERE d.follow_up_id = g.follow_up_id AND d.contact_id = g.contact_id
      AND d.claim = :claim AND d.state = 'waiting'
""")
_STANDINGS = text("""
    SELECT f.id, f.status, f.progress, f.outcome,
        NOT EXISTS (SELECT FROM resolutions r WHERE r.follow_up_id = f.id) AS resolved
    FROM follow_ups f
    WHERE f.id = ANY(CAST(:ids AS uuid[])) AND f.progress IS NOT NULL
    ORDER BY f.id
    FOR UPDATE OF f
""")
_STAND = text("""
    UPDATE follow_ups f
    SET status = g.status, outcome = g.outcome, progress = CAST(g.progress AS jsonb),
        revision = f.revision + CASE WHEN f.status = g.status THEN 0 ELSE 1 END,
        update_time = CASE WHEN f.status = g.status THEN f.update_time ELSE now() END,
        close_time = CASE WHEN f.status = g.status THEN f.close_time ELSE now() END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[]), CAST(:outcomes AS text[]),
        CAST(:progresses AS text[])) AS g (id, status, outcome, progress)
    WHERE f.id = g.id
""")
_OF_KEYS = """(d.follow_up_id, d.contact_id) IN (
        SELECT * FROM unnest(CAST(:follow_ups AS uuid[]), CAST(:contacts AS uuid[])))"""
_LOCK = text(f"""
    SELECT {_COLUMNS} FROM deliveries d WHERE {_OF_KEYS}
    ORDER BY d.follow_up_id, d.contact_id
    FOR UPDATE
""")  # noqa: S608
_LOCK_WAITING = text(f"""
    SELECT {_COLUMNS} FROM deliveries d WHERE d.follow_up_id = :id AND d.state = 'waiting'
    ORDER BY d.contact_id
    FOR UPDATE
""")  # noqa: S608
_STORE = text("""
    UPDATE deliveries d
    SET state = g.state, reason = g.reason, rule = g.rule, revision = g.revision,
        message_id = nullif(g.message_id, '00000000-0000-0000-0000-000000000000'),
        update_time = now()
    FROM unnest(CAST(:follow_ups AS uuid[]), CAST(:contacts AS uuid[]), CAST(:states AS text[]),
        CAST(:reasons AS text[]), CAST(:rules AS text[]), CAST(:messages AS uuid[]),
        CAST(:revisions AS bigint[]))
        AS g (follow_up_id, contact_id, state, reason, rule, message_id, revision)
    WHERE d.follow_up_id = g.follow_up_id AND d.contact_id = g.contact_id
""")
_ANY_TRIED = text("""
    SELECT EXISTS (SELECT FROM deliveries WHERE follow_up_id = :id
                   AND (tries > 0 OR state <> 'waiting'))
""")
# Waits for a claim that is being made, and then leaves its deliveries alone.
_CLEAR = text("DELETE FROM deliveries WHERE follow_up_id = :id AND tries = 0")
_MOVE = text("""
    UPDATE deliveries SET due_time = :due, try_time = :due
    WHERE follow_up_id = :id AND state = 'waiting' AND tries = 0
""")
_CONTACTS = text("""
    SELECT d.follow_up_id, d.contact_id
    FROM unnest(CAST(:ids AS uuid[])) AS f (id)
    CROSS JOIN LATERAL (
        SELECT follow_up_id, contact_id FROM deliveries
        WHERE follow_up_id = f.id ORDER BY contact_id LIMIT :limit) AS d
""")
_BACKLOG = text("""
    SELECT CAST(extract(epoch FROM clock_timestamp() - due_time) AS float) FROM deliveries
    WHERE state = 'waiting' AND due_time <= clock_timestamp()
    ORDER BY due_time LIMIT 1
""")
