"""Queries of follow-ups."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from chassis import db
from chassis.scope import Scope
from services.interactions.domain.follow_ups import PENDING, FollowUp, Status, Type
from services.interactions.storage import owned
from services.interactions.storage.tables import follow_ups


@dataclass(frozen=True)
class Filter:
    """Which follow-ups to list; None and empty mean any."""

    contact_id: UUID | None = None
    assignee_id: UUID | None = None
    statuses: Sequence[Status] = ()
    types: Sequence[Type] = ()
    start_from: datetime | None = None
    start_until: datetime | None = None
    newest_first: bool = False
    overdue_at: datetime | None = None
    unassigned: bool = False
    to_many: bool = False
    batch_id: UUID | None = None


def ask_time() -> db.Ask[datetime]:
    """Asks for the time all replicas agree on."""
    return db.Ask(_TIME, {}, lambda found: found[0].now)


async def database_time(session: AsyncSession) -> datetime:
    """Returns the time all replicas agree on."""
    now: datetime = (await session.execute(select(func.now()))).scalar_one()
    return now


async def add(session: AsyncSession, values: Mapping[str, Any]) -> FollowUp:
    """Stores a new follow-up."""
    query = insert(follow_ups).values(values).returning(follow_ups)
    return _follow_up((await session.execute(query)).one())


async def get(
    session: AsyncSession, follow_up_id: UUID, *, of: UUID | None = None, lock: bool = False
) -> FollowUp | None:
    """Returns one, with a contact alone if one is named; `lock` keeps others from changing it."""
    query = select(follow_ups).where(follow_ups.c.id == follow_up_id)
    if of is not None:
        query = query.where(follow_ups.c.contact_id == of)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return _follow_up(row) if row else None


async def locked_among(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, FollowUp]:
    """Returns those that are there by id, locked until the end, in one order for everybody."""
    query = select(follow_ups).where(follow_ups.c.id.in_(ids)).order_by(follow_ups.c.id)
    found = [_follow_up(row) for row in await session.execute(query.with_for_update())]
    return {each.id: each for each in found}


async def get_many(session: AsyncSession, ids: Collection[UUID]) -> Sequence[FollowUp]:
    """Returns those that are there, in no promised order; locks nothing."""
    if not ids:
        return []
    query = select(follow_ups).where(follow_ups.c.id.in_(list(ids)))
    return [_follow_up(row) for row in await session.execute(query)]


async def count(
    session: AsyncSession, follow_up_id: UUID, contacts: int, progress: Mapping[str, int]
) -> None:
    """Stores how many contacts a locked one has, and how far it is with them."""
    values = {"contact_count": contacts, "progress": dict(progress)}
    await session.execute(update(follow_ups).where(follow_ups.c.id == follow_up_id).values(values))


async def change(session: AsyncSession, kept: FollowUp, values: Mapping[str, Any]) -> FollowUp:
    """Sets columns and raises the revision of one that was locked before, for a person."""
    raised = {"revision": follow_ups.c.revision + 1, "update_time": func.now(), "edited": True}
    query = (
        update(follow_ups)
        .where(follow_ups.c.id == kept.id)
        .values({**values, **raised})
        .returning(follow_ups)
    )
    return _follow_up((await session.execute(query)).one())


async def has_twin(session: AsyncSession, kept: FollowUp, contact_id: UUID | None) -> bool:
    """Returns whether another of its batch, or of its time of a series, is for that contact."""
    c = follow_ups.c
    theirs: list[ColumnElement[bool]] = []
    if kept.batch_id is not None and contact_id is not None:
        theirs.append(and_(c.batch_id == kept.batch_id, c.contact_id == contact_id))
    if kept.series_id is not None:
        at = and_(c.series_id == kept.series_id, c.recurrence_time == kept.recurrence_time)
        theirs.append(and_(at, c.contact_id.is_not_distinct_from(contact_id)))
    if not theirs:
        return False
    query = select(c.id).where(or_(*theirs), c.id != kept.id).limit(1)
    return (await session.execute(query)).first() is not None


async def drop(session: AsyncSession, follow_up_id: UUID) -> None:
    """Deletes one that was locked before."""
    await session.execute(delete(follow_ups).where(follow_ups.c.id == follow_up_id))


async def drop_of_contact(session: AsyncSession, contact_id: UUID) -> Sequence[FollowUp]:
    """Deletes and returns all of a contact."""
    query = delete(follow_ups).where(follow_ups.c.contact_id == contact_id).returning(follow_ups)
    return [_follow_up(row) for row in await session.execute(query)]


async def open_due(session: AsyncSession, limit: int) -> Sequence[FollowUp]:
    """Opens up to `limit` whose time has come by the database's clock; returns them.

    Skips those another replica holds.
    """
    due = (
        select(follow_ups.c.id)
        .where(follow_ups.c.status == Status.SCHEDULED, follow_ups.c.start_time <= func.now())
        .order_by(follow_ups.c.start_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    query = (
        update(follow_ups)
        .where(follow_ups.c.id.in_(due.scalar_subquery()))
        .values(status=Status.OPEN, revision=follow_ups.c.revision + 1, update_time=func.now())
        .returning(follow_ups)
    )
    return [_follow_up(row) for row in await session.execute(query)]


async def page(
    session: AsyncSession,
    wanted: Filter,
    scope: Scope,
    size: int,
    after: tuple[datetime, UUID] | None,
) -> Sequence[FollowUp]:
    """Returns up to `size` within reach, by (start, id), from after the given place."""
    table, place = follow_ups, tuple_(follow_ups.c.start_time, follow_ups.c.id)
    query = select(table).where(owned.follow_ups(scope), *conditions(wanted)).limit(size)
    if wanted.newest_first:
        query = query.order_by(table.c.start_time.desc(), table.c.id.desc())
    else:
        query = query.order_by(table.c.start_time, table.c.id)
    if after is not None:
        query = query.where(place < after if wanted.newest_first else place > after)
    return [_follow_up(row) for row in await session.execute(query)]


def of_row(row: Any) -> FollowUp:
    """Returns a row of the table, of the engine or the driver, as a follow-up."""
    return _follow_up(row)


def of_values(values: dict[str, Any]) -> FollowUp:
    """Returns the values of the table's columns as a follow-up."""
    given = {**values, "type": Type(values["type"]), "status": Status(values["status"])}
    return FollowUp(**{**given, "assignee_ids": tuple(values["assignee_ids"])})


def conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """Returns what must all hold of one that is listed; reports count by the same."""
    c = follow_ups.c
    found: list[ColumnElement[bool]] = []
    if wanted.contact_id is not None:
        found.append(c.contact_id == wanted.contact_id)
    if wanted.assignee_id is not None:
        found.append(c.assignee_ids.contains(array([wanted.assignee_id], type_=Uuid)))
    if wanted.statuses:
        found.append(c.status.in_(wanted.statuses))
    if wanted.types:
        found.append(c.type.in_(wanted.types))
    if wanted.start_from is not None:
        found.append(c.start_time >= wanted.start_from)
    if wanted.start_until is not None:
        found.append(c.start_time < wanted.start_until)
    if wanted.overdue_at is not None:
        found.append(overdue(wanted.overdue_at))
    if wanted.unassigned:
        found.append(func.cardinality(c.assignee_ids) == 0)
    if wanted.to_many:
        found.append(c.contact_id.is_(None))
    if wanted.batch_id is not None:
        found.append(c.batch_id == wanted.batch_id)
    return found


def overdue(at: datetime) -> ColumnElement[bool]:
    """Returns the condition that one was not done though its end had passed."""
    return and_(follow_ups.c.status.in_(PENDING), follow_ups.c.end_time < at)


def _follow_up(row: Any) -> FollowUp:
    return of_values(row._asdict())


_TIME = text("SELECT now() AS now")
