"""Figures about follow-ups, counted by the conditions that lists have, so that both agree."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain.follow_ups import Status, Type
from services.interactions.domain.reports import Counted, Wanted
from services.interactions.storage import follow_ups as lists
from services.interactions.storage import owned
from services.interactions.storage.follow_ups import Filter
from services.interactions.storage.tables import follow_ups

_BEGIN = (
    # All statements of a report see one moment, and may sort more than others.
    text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"),
    text("SET LOCAL work_mem = '64MB'"),
)


async def begin(session: AsyncSession) -> datetime:
    """Makes what is read of one moment, and returns that moment; call it first."""
    for each in _BEGIN:
        await session.execute(each)
    return await lists.database_time(session)


async def by_assignees(
    session: AsyncSession, wanted: Wanted, as_of: datetime, scope: Scope
) -> list[tuple[tuple[UUID, ...], Counted]]:
    """Returns how many there are for each set of assignees. Locks nothing."""
    rows = await _counted(session, follow_ups.c.assignee_ids, wanted, as_of, scope)
    return [(tuple(it.key), _figures(it)) for it in rows]


async def by_contacts(
    session: AsyncSession,
    wanted: Wanted,
    as_of: datetime,
    scope: Scope,
    contact_ids: Collection[UUID],
) -> list[tuple[UUID, Counted]]:
    """Returns how many there are for each of the contacts. Locks nothing."""
    among = follow_ups.c.contact_id.in_(contact_ids)
    rows = await _counted(session, follow_ups.c.contact_id, wanted, as_of, scope, among)
    return [(it.key, _figures(it)) for it in rows]


async def contacts(
    session: AsyncSession,
    wanted: Wanted,
    scope: Scope,
    size: int,
    after: tuple[int, UUID] | None,
) -> Sequence[tuple[int, UUID]]:
    """Returns up to `size` contacts with how many they have, most first, after a place."""
    column, number = follow_ups.c.contact_id, func.count()
    query = (
        select(number.label("number"), column)
        .where(
            column.is_not(None),
            owned.follow_ups(scope),
            *lists.conditions(_filter(wanted)),
        )
        .group_by(column)
        .order_by(number.desc(), column.desc())
        .limit(size)
    )
    if after is not None:
        query = query.having(tuple_(number, column) < after)
    return [(it.number, it.contact_id) for it in await session.execute(query)]


async def to_many(session: AsyncSession, wanted: Wanted, scope: Scope) -> int:
    """Returns how many go to many contacts. Locks nothing."""
    column = follow_ups.c.contact_id
    query = select(func.count()).select_from(follow_ups).where(column.is_(None))
    query = query.where(owned.follow_ups(scope), *lists.conditions(_filter(wanted)))
    return await session.scalar(query) or 0


async def _counted(
    session: AsyncSession,
    key: ColumnElement[Any],
    wanted: Wanted,
    as_of: datetime,
    scope: Scope,
    *more: ColumnElement[bool],
) -> Sequence[Row[Any]]:
    c, overdue = follow_ups.c, lists.overdue(as_of).label("overdue")
    query = (
        select(key.label("key"), c.type, c.status, overdue, func.count().label("number"))
        .where(owned.follow_ups(scope), *lists.conditions(_filter(wanted)), *more)
        .group_by(key, c.type, c.status, overdue)
    )
    return (await session.execute(query)).all()


def _figures(it: Row[Any]) -> Counted:
    return Type(it.type), Status(it.status), it.overdue, it.number


def _filter(it: Wanted) -> Filter:
    return Filter(**vars(it))
