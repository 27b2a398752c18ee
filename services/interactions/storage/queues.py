"""Queries of what waits for people: pages by index, whatever else there is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, literal_column, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from services.interactions.domain.agenda import LONGEST_RUNNING, Whose
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.domain.scope import Scope
from services.interactions.storage import follow_ups as kept
from services.interactions.storage import scopes
from services.interactions.storage.tables import contacts, follow_ups

Place = tuple[datetime, UUID]
Condition = ColumnElement[bool]

# Word for word as in the indexes: a condition with parameters is not known to be theirs.
_TO_DO: Condition = literal_column("follow_ups.status IN ('scheduled', 'open')")
_IDLE: Condition = literal_column(
    "contacts.open_lead AND contacts.next_follow_up_id IS NULL AND NOT contacts.deleted"
)


async def overdue(
    session: AsyncSession, whose: Whose, reach: Scope, now: datetime, size: int, after: Place | None
) -> Sequence[FollowUp]:
    """Returns up to `size` that are to be done and have ended, by start, from after a place."""
    late = (follow_ups.c.start_time < now, follow_ups.c.end_time < now)
    return await _follow_ups(session, whose, reach, late, size, after)


async def today(
    session: AsyncSession,
    whose: Whose,
    reach: Scope,
    now: datetime,
    day: tuple[datetime, datetime],
    size: int,
    after: Place | None,
) -> Sequence[FollowUp]:
    """Returns up to `size` to be done before the day ends that have not ended, by start."""
    first, last = day
    due = (
        follow_ups.c.start_time >= first - LONGEST_RUNNING,
        follow_ups.c.start_time < last,
        follow_ups.c.end_time >= now,
    )
    return await _follow_ups(session, whose, reach, due, size, after)


async def idle(
    session: AsyncSession, whose: Whose, reach: Scope, size: int, before: UUID | None
) -> Sequence[UUID]:
    """Returns up to `size` open leads without a next follow-up, newest first."""
    query = select(contacts.c.id).where(_IDLE, scopes.covering(reach))
    if before is not None:
        query = query.where(contacts.c.id < before)
    parts = []
    for condition in _of(whose, "contacts.owner_ids", contacts):
        part = query.where(condition).order_by(contacts.c.id.desc()).limit(size)
        parts.append(part.subquery().select())
    whole = union_all(*parts).subquery()
    found = await session.scalars(select(whole.c.id).order_by(whole.c.id.desc()).limit(size))
    return found.all()


async def _follow_ups(
    session: AsyncSession,
    whose: Whose,
    reach: Scope,
    wanted: Sequence[Condition],
    size: int,
    after: Place | None,
) -> Sequence[FollowUp]:
    table = follow_ups
    place = (table.c.start_time, table.c.id)
    query: Select[Any] = select(*place).where(_TO_DO, scopes.within(reach), *wanted)
    if after is not None:
        query = query.where(tuple_(*place) > after)
    parts = []
    for condition in _of(whose, "follow_ups.assignee_ids", table):
        part = query.where(condition).order_by(*place).limit(size)
        parts.append(part.subquery().select())
    found = union_all(*parts).subquery()
    first = select(found).order_by(found.c.start_time, found.c.id).limit(size).subquery()
    # All columns only of those that are shown: a statement with them thrice takes longer to make
    # than to run.
    rows = select(table).join(first, first.c.id == table.c.id).order_by(*place)
    return [kept.of_row(row) for row in await session.execute(rows)]


def _of(whose: Whose, people: str, table: Any) -> Sequence[Condition]:
    """Returns conditions that each have an index, and of which a row meets at most one.

    The first of the people has an index that gives pages in order; those after it share one.
    """
    if whose.user_id is not None:
        first: ColumnElement[UUID] = literal_column(f"({people}[1])", Uuid)
        column = table.c[people.partition(".")[2]]
        several: Condition = literal_column(f"cardinality({people}) > 1")
        among = column.contains(array([whose.user_id], type_=Uuid))
        return [first == whose.user_id, several & among & (first != whose.user_id)]
    if whose.team_id is not None:
        return [table.c.team_id == whose.team_id]
    return [literal_column("true")]
