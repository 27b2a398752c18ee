"""Queries of series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from chassis.scope import Scope
from services.interactions.domain import rrule
from services.interactions.domain.follow_ups import Type
from services.interactions.domain.recurrence import Calendar, Cursor
from services.interactions.domain.series import AfterOrder, InvoiceDue, Rule, Series
from services.interactions.storage import owned
from services.interactions.storage.tables import series


@dataclass(frozen=True)
class Filter:
    """Which series to list; None means any."""

    contact_id: UUID | None = None
    assignee_id: UUID | None = None


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Series:
    """Stores a new series; the values are named as in `Series`."""
    query = insert(series).values(_columns(values)).returning(series)
    return read((await session.execute(query)).one())


async def get(session: AsyncSession, series_id: UUID, *, lock: bool = False) -> Series | None:
    """Returns one; `lock` keeps others and workers from it until the transaction ends."""
    query = select(series).where(series.c.id == series_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return read(row) if row else None


async def change(session: AsyncSession, kept: Series, values: Mapping[str, Any]) -> Series:
    """Sets values and raises the revision of one that was locked before."""
    query = (
        update(series)
        .where(series.c.id == kept.id)
        .values({**_columns(values), "revision": series.c.revision + 1, "update_time": func.now()})
        .returning(series)
    )
    return read((await session.execute(query)).one())


async def drop(session: AsyncSession, series_id: UUID) -> None:
    """Deletes one that was locked before."""
    await session.execute(delete(series).where(series.c.id == series_id))


async def drop_contact(session: AsyncSession, contact_id: UUID) -> Sequence[Series]:
    """Takes a contact out of every series; returns these as they are now."""
    query = (
        update(series)
        .where(series.c.contact_ids.contains(array([contact_id], type_=Uuid)))
        .values(
            contact_ids=func.array_remove(series.c.contact_ids, contact_id),
            revision=series.c.revision + 1,
            update_time=func.now(),
        )
        .returning(series)
    )
    return [read(row) for row in await session.execute(query)]


async def unname(session: AsyncSession, kept: Series) -> Series:
    """Empties what may name whoever a series was for; returns it as it is now."""
    values: dict[str, Any] = {"title": "\u2014", "description": ""}
    if kept.segment_id is None:
        values["message"] = None  # nobody is left to send it to
    query = update(series).where(series.c.id == kept.id).values(values).returning(series)
    return read((await session.execute(query)).one())


async def page(
    session: AsyncSession,
    wanted: Filter,
    scope: Scope,
    size: int,
    before: tuple[datetime, UUID] | None,
) -> Sequence[Series]:
    """Returns up to `size` within reach, newest first, from before the given place."""
    place = (series.c.create_time, series.c.id)
    query = select(series).where(owned.rows(scope, series)).limit(size)
    query = query.order_by(*(it.desc() for it in place))
    if wanted.contact_id is not None:
        contact = array([wanted.contact_id], type_=Uuid)
        query = query.where(series.c.contact_ids.contains(contact))
    if wanted.assignee_id is not None:
        assignee = array([wanted.assignee_id], type_=Uuid)
        query = query.where(series.c.assignee_ids.contains(assignee))
    if before is not None:
        query = query.where(tuple_(*place) < before)
    return [read(row) for row in await session.execute(query)]


def read(row: Row[Any]) -> Series:
    """Returns the series of a whole row."""
    cursor = None
    if row.cursor_local is not None:
        cursor = Cursor(row.cursor_local, row.cursor_passed)
    return Series(
        id=row.id,
        revision=row.revision,
        title=row.title,
        type=Type(row.type),
        contact_ids=tuple(row.contact_ids),
        assignee_ids=tuple(row.assignee_ids),
        duration=row.duration,
        description=row.description,
        category=row.category,
        team_id=row.team_id,
        rule=_rule(row),
        paused=row.paused,
        cursor=cursor,
        since=row.since,
        due_time=row.due_time,
        message=row.message,
        segment_id=row.segment_id,
        reminders=row.reminders,
        previous_series_id=row.previous_series_id,
        creator_id=row.creator_id,
        create_time=row.create_time,
        update_time=row.update_time,
    )


_COUNTED: Mapping[str, type[AfterOrder | InvoiceDue]] = {
    "order": AfterOrder,
    "due_date": InvoiceDue,
}
"""What the days of a rule are counted from."""


def _rule(row: Row[Any]) -> Rule:
    if row.rrule is None:
        return _COUNTED[row.counts_from](row.days, row.clock, row.time_zone)
    return Calendar(
        rule=rrule.read(row.rrule, row.time_zone),
        start=row.start_local,
        zone=row.time_zone,
        exceptions=frozenset(row.exceptions),
    )


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the columns for values that are named as in `Series`."""
    made = dict(values)
    rule: Rule | None = made.pop("rule", None)
    if rule is not None:
        made["time_zone"] = rule.zone
        made.update(_of_calendar(rule) if isinstance(rule, Calendar) else _of_days(rule))
    if "cursor" in made:
        cursor: Cursor | None = made.pop("cursor")
        made["cursor_local"] = cursor.local if cursor else None
        made["cursor_passed"] = cursor.passed if cursor else None
    return made


def _of_calendar(rule: Calendar) -> dict[str, Any]:
    return {
        "rrule": rule.rule.text(),
        "start_local": rule.start,
        "exceptions": sorted(rule.exceptions),
        "counts_from": None,
        "days": None,
        "clock": None,
    }


def _of_days(rule: AfterOrder | InvoiceDue) -> dict[str, Any]:
    return {
        "rrule": None,
        "start_local": None,
        "exceptions": None,
        "counts_from": next(name for name, kind in _COUNTED.items() if isinstance(rule, kind)),
        "days": rule.days,
        "clock": rule.clock,
    }
