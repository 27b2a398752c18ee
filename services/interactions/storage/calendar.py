"""Queries of follow-ups by when they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Row,
    Select,
    and_,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from chassis.context import Level
from chassis.scope import Scope
from services.interactions.domain.calendar import BUSY, Entry, Span
from services.interactions.domain.follow_ups import PENDING, Status, Type
from services.interactions.storage import owned
from services.interactions.storage.tables import follow_ups

_DAY = timedelta(days=1)
# In the very words of the index, so that a plan may use it whatever it is prepared for.
_A_DAY: ColumnElement[Any] = literal_column("interval '1 day'")
_NAMES = tuple(Entry.__dataclass_fields__)
_COLUMNS = tuple(follow_ups.c[name] for name in _NAMES)
_SEVERAL: ColumnElement[bool] = literal_column("cardinality(assignee_ids) > 1", Boolean)
_PLACE = tuple_(follow_ups.c.start_time, follow_ups.c.id)


@dataclass(frozen=True)
class Filter:
    """Which follow-ups of a range; empty and None mean any."""

    span: Span
    assignee_ids: Sequence[UUID] = ()
    types: Sequence[Type] = ()
    statuses: Sequence[Status] = ()
    team_id: UUID | None = None


async def page(
    session: AsyncSession,
    wanted: Filter,
    reach: Scope,
    size: int,
    after: tuple[datetime, UUID] | None,
) -> Sequence[Entry]:
    """Returns up to `size` within reach that touch the range, by (start, id), after a place."""
    parts = []
    for arm, when in product(_arms(wanted, reach), _touching(wanted.span)):
        query = _within(select(*_COLUMNS).where(arm, when, owned.follow_ups(reach)), wanted)
        if after is not None:
            query = query.where(after < _PLACE)
        parts.append(query.order_by(*_place(follow_ups)).limit(size).subquery().select())
    return await _merged(session, parts, size)


async def newest(session: AsyncSession, wanted: Filter, reach: Scope, most: int) -> Sequence[Entry]:
    """Returns up to `most` within reach that start in the range, the latest if there are more."""
    started = and_(
        follow_ups.c.start_time >= wanted.span.start, follow_ups.c.start_time < wanted.span.end
    )
    parts = []
    for arm in _arms(wanted, reach):
        query = _within(select(*_COLUMNS).where(arm, started, owned.follow_ups(reach)), wanted)
        query = query.order_by(*(it.desc() for it in _place(follow_ups))).limit(most)
        parts.append(query.subquery().select())
    return await _merged(session, parts, most, newest_first=True)


async def overlapping(
    session: AsyncSession, wanted: Filter, reach: Scope, exclude_id: UUID | None, most: int
) -> Sequence[Entry]:
    """Returns up to `most` calls and meetings within reach that are not closed, by start."""
    busy = Filter(wanted.span, wanted.assignee_ids, BUSY, PENDING)
    parts = []
    for arm, when in product(_arms(busy, reach), _touching(wanted.span)):
        query = _within(select(*_COLUMNS).where(arm, when, owned.follow_ups(reach)), busy)
        if exclude_id is not None:
            query = query.where(follow_ups.c.id != exclude_id)
        # What has no length takes no time, and what ends as another begins is not in its way.
        query = query.where(
            follow_ups.c.end_time > wanted.span.start, follow_ups.c.start_time < wanted.span.end
        )
        parts.append(query.order_by(*_place(follow_ups)).limit(most).subquery().select())
    return await _merged(session, parts, most)


def _touching(span: Span) -> Sequence[Any]:
    """Two conditions that together hold for what touches the range, and never both.

    The first finds by start what lasts a day at most, the second has an index of the others.
    """
    table = follow_ups.c
    long = table.end_time - table.start_time > _A_DAY
    begins = and_(table.start_time >= span.start, table.start_time < span.end)
    lasts = and_(
        table.start_time >= span.start - _DAY,
        table.start_time < span.end,
        or_(begins, and_(table.end_time > span.start, ~long)),
    )
    return lasts, and_(long, table.end_time > span.start, table.start_time < span.start)


def _arms(wanted: Filter, reach: Scope) -> Sequence[ColumnElement[bool]]:
    """Conditions of which any must hold, each with an index that is in the order of start.

    Their disjunction in one statement would have all of somebody's follow-ups read, or all of a
    month's. Most follow-ups have one assignee; those with more have an index of their own.
    """
    if wanted.assignee_ids:
        return _done_by(wanted.assignee_ids)
    if reach.level is Level.ALL:
        return (true(),)
    arms = [follow_ups.c.creator_id == reach.subject]
    if reach.user_id is not None:
        arms += _done_by([reach.user_id])
    if reach.level is Level.TEAM and reach.team_id is not None:
        arms.append(follow_ups.c.team_id == reach.team_id)
    return arms


def _done_by(ids: Sequence[UUID]) -> Sequence[ColumnElement[bool]]:
    asked: Any = array(list(ids), type_=Uuid)
    shared = and_(_SEVERAL, follow_ups.c.assignee_ids.op("&&")(asked))
    return follow_ups.c.assignee_ids[1].in_(ids), shared


def _within(query: Select[Any], wanted: Filter) -> Select[Any]:
    table = follow_ups.c
    if wanted.types:
        query = query.where(table.type.in_(wanted.types))
    if wanted.statuses:
        query = query.where(table.status.in_(wanted.statuses))
    if wanted.team_id is not None:
        query = query.where(table.team_id == wanted.team_id)
    return query


async def _merged(
    session: AsyncSession, parts: Sequence[Any], size: int, *, newest_first: bool = False
) -> Sequence[Entry]:
    """Returns what any of the parts found, each once."""
    whole: Any = union(*parts).subquery()
    order: list[Any] = [it.desc() if newest_first else it for it in _place(whole)]
    rows = await session.execute(select(whole).order_by(*order).limit(size))
    return [_entry(row) for row in rows]


def _place(table: Any) -> tuple[Any, Any]:
    return table.c.start_time, table.c.id


def _entry(row: Row[Any]) -> Entry:
    # The columns are Entry's, in its order: to ask a row for their names takes twice as long.
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["type"], values["status"] = Type(values["type"]), Status(values["status"])
    values["assignee_ids"] = tuple(values["assignee_ids"])
    return Entry(**values)
