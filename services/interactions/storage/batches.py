"""Queries of batches: one follow-up for each of many contacts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from chassis.scope import Scope
from services.interactions.domain.batches import Batch, Made, State
from services.interactions.domain.follow_ups import Type
from services.interactions.storage import owned
from services.interactions.storage.tables import follow_up_batches as table


async def create(session: AsyncSession, values: Mapping[str, Any]) -> Batch:
    """Stores a new batch, which is due at once."""
    query = insert(table).values(values).returning(table)
    return of_row((await session.execute(query)).one())


async def get(session: AsyncSession, batch_id: UUID, *, lock: bool = False) -> Batch | None:
    """Returns one; `lock` keeps others and workers from changing it until the end."""
    query = select(table).where(table.c.id == batch_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return of_row(row) if row else None


async def page(
    session: AsyncSession, scope: Scope, size: int, before: tuple[datetime, UUID] | None
) -> Sequence[Batch]:
    """Returns up to `size` within reach, newest first, from before the given place."""
    place = (table.c.create_time, table.c.id)
    query = select(table).where(owned.rows(scope, table)).limit(size)
    query = query.order_by(*(it.desc() for it in place))
    if before is not None:
        query = query.where(tuple_(*place) < before)
    return [of_row(row) for row in await session.execute(query)]


async def claim(session: AsyncSession, lease: timedelta) -> Batch | None:
    """Claims the one that is due longest, skipping those that others are about to claim."""
    row = (await session.execute(_CLAIM.columns(*table.c), {"lease": lease})).first()
    return of_row(row) if row else None


async def advance(
    session: AsyncSession, held: Batch, cursor: int, made: int, left_out: int, lease: timedelta
) -> bool:
    """Notes how far it is and renews the lease; False for one that another has or was cancelled."""
    given = {**_claimed(held), "cursor": cursor, "made": made, "left": left_out, "lease": lease}
    return bool((await session.execute(_ADVANCE, given)).first())


async def add(
    session: AsyncSession, batch_id: UUID, made: Sequence[Made]
) -> Sequence[Sequence[UUID]]:
    """Stores follow-ups of a batch that was advanced before; returns the assignees of each."""
    given = {
        "batch": batch_id,
        "ids": arrays.uuids(it.id for it in made),
        "contacts": arrays.uuids(it.contact_id for it in made),
        "owners": arrays.of(it.owner_id.hex if it.owner_id else "NULL" for it in made),
    }
    return (await session.scalars(_ADD, given)).all()


async def count(session: AsyncSession, held: Batch, contacts: int) -> None:
    """Notes how many contacts a segment has."""
    await session.execute(_COUNT, {**_claimed(held), "contacts": contacts})


async def end(session: AsyncSession, batch_id: UUID, to: State, claim: int | None = None) -> bool:
    """Ends a running one; False where it is over, or where `claim` is not the last."""
    given = {"id": batch_id, "to": to.value, "claim": claim}
    return bool((await session.execute(_END, given)).first())


async def postpone(session: AsyncSession, held: Batch, wait: timedelta) -> None:
    """Has it tried again after `wait`."""
    await session.execute(_POSTPONE, {**_claimed(held), "wait": wait})


def of_row(row: Row[Any]) -> Batch:
    """Returns a row of the table as a batch."""
    values: dict[str, Any] = {str(name): value for name, value in row._mapping.items()}
    del values["try_time"]
    values["type"], values["state"] = Type(values["type"]), State(values["state"])
    for name in ("contact_ids", "assignee_ids"):
        values[name] = tuple(values[name])
    return Batch(**values)


def _claimed(held: Batch) -> dict[str, Any]:
    return {"id": held.id, "claim": held.claim}


# By name, since columns of the database may stand in another order than ours.
_CLAIM = text(f"""
    UPDATE follow_up_batches
    SET claim = nextval('delivery_claims'), try_time = clock_timestamp() + CAST(:lease AS interval)
    WHERE id = (
        SELECT id FROM follow_up_batches
        WHERE state = 'running' AND try_time <= clock_timestamp()
        ORDER BY try_time LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING {", ".join(it.name for it in table.c)}
""")  # noqa: S608 (names of columns)
_ADVANCE = text("""
    UPDATE follow_up_batches
    SET cursor = :cursor, made_count = made_count + :made, left_out_count = left_out_count + :left,
        try_time = clock_timestamp() + CAST(:lease AS interval), update_time = now()
    WHERE id = :id AND claim = :claim AND state = 'running'
    RETURNING 1
""")
_ADD = text("""
    INSERT INTO follow_ups (
        id, title, type, status, contact_id, batch_id, assignee_ids, start_time, end_time,
        time_zone, description, category, team_id, creator_id
    )
    SELECT p.id, b.title, b.type, CASE WHEN b.start_time <= now() THEN 'open' ELSE 'scheduled' END,
           p.contact_id, b.id,
           CASE WHEN p.owner_id IS NULL THEN b.assignee_ids ELSE ARRAY[p.owner_id] END,
           b.start_time, b.end_time, b.time_zone, b.description, b.category, b.team_id, b.creator_id
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:contacts AS uuid[]), CAST(:owners AS uuid[])
    ) AS p (id, contact_id, owner_id)
    JOIN follow_up_batches AS b ON b.id = :batch
    RETURNING assignee_ids
""")
_COUNT = text("""
    UPDATE follow_up_batches SET contact_count = :contacts, update_time = now()
    WHERE id = :id AND claim = :claim AND state = 'running'
""")
_END = text("""
    UPDATE follow_up_batches
    SET state = :to, revision = revision + 1, update_time = now()
    WHERE id = :id AND state = 'running'
      AND claim = coalesce(CAST(:claim AS bigint), claim)
    RETURNING 1
""")
_POSTPONE = text("""
    UPDATE follow_up_batches SET try_time = clock_timestamp() + CAST(:wait AS interval)
    WHERE id = :id AND claim = :claim AND state = 'running'
""")
