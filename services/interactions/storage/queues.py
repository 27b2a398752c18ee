"""Queries of what waits for people: pages by index, whatever else there is.

A statement is made once for all who ask alike: to make one takes longer than to run it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.types import Uuid

from chassis import db
from chassis.db import scopes
from chassis.scope import Scope
from services.interactions.domain.agenda import LONGEST_RUNNING, Queue, Waiting, Whose
from services.interactions.storage import follow_ups as kept
from services.interactions.storage import owned
from services.interactions.storage import whose as people
from services.interactions.storage.tables import contacts, follow_ups

Place = tuple[datetime, UUID]
Condition = ColumnElement[bool]

# Word for word as in the indexes: a condition with parameters is not known to be theirs.
_TO_DO: Condition = literal_column("follow_ups.status IN ('scheduled', 'open')")
IDLE: Condition = literal_column(
    "contacts.open_lead AND contacts.next_follow_up_id IS NULL AND NOT contacts.deleted"
)
_SIZE: Any = bindparam("size")


def ask_overdue(
    whose: Whose, reach: Scope, size: int, after: Place | None
) -> db.Ask[Sequence[Waiting]]:
    """Asks for up to `size` that are to be done and have ended, by start, from after a place."""
    return _ask_follow_ups(Queue.OVERDUE, whose, reach, size, after, {})


def ask_today(
    whose: Whose, reach: Scope, day: tuple[datetime, datetime], size: int, after: Place | None
) -> db.Ask[Sequence[Waiting]]:
    """Asks for up to `size` to be done before the day ends that have not ended, by start."""
    first, last = day
    span = {"day_earliest": first - LONGEST_RUNNING, "day_end": last}
    return _ask_follow_ups(Queue.TODAY, whose, reach, size, after, span)


def ask_idle(
    whose: Whose, reach: Scope, size: int, before: UUID | None
) -> db.Ask[Sequence[Waiting]]:
    """Asks for up to `size` open leads without a next follow-up, newest first."""
    given = {"size": size, "before": before}
    return db.Ask(
        _idle(people.shape(whose), scopes.shape(reach), before is not None),
        {**given, **people.given(whose), **scopes.given(reach, "reach")},
        lambda found: [Waiting(row.id) for row in found],
    )


def _ask_follow_ups(
    queue: Queue,
    whose: Whose,
    reach: Scope,
    size: int,
    after: Place | None,
    more: Mapping[str, object],
) -> db.Ask[Sequence[Waiting]]:
    start, follow_up_id = after or (None, None)
    given = {"size": size, "after_start": start, "after_id": follow_up_id, **more}

    def read(found: db.Rows) -> Sequence[Waiting]:
        made = [kept.of_row(row) for row in found]
        return [Waiting(it.contact_id, it) for it in made]

    return db.Ask(
        _follow_ups(queue, people.shape(whose), scopes.shape(reach), after is not None),
        {**given, **people.given(whose), **scopes.given(reach, "reach")},
        read,
    )


@lru_cache(256)
def _idle(whose: Whose, reach: Scope, later: bool) -> Select[Any]:
    query = select(contacts.c.id).where(IDLE, owned.contacts(reach, "reach"))
    if later:
        query = query.where(contacts.c.id < bindparam("before", type_=Uuid))
    parts = []
    for arm, condition in enumerate(people.arms(whose, "contacts.owner_ids", contacts)):
        part = people.page(query.where(condition), arm, [contacts.c.id.desc()], _SIZE)
        parts.append(part.subquery().select())
    whole = union_all(*parts).subquery()
    return select(whole.c.id).order_by(whole.c.id.desc()).limit(_SIZE)


@lru_cache(256)
def _follow_ups(queue: Queue, whose: Whose, reach: Scope, later: bool) -> Select[Any]:
    table = follow_ups
    place = (table.c.start_time, table.c.id)
    wanted = owned.follow_ups(reach, "reach")
    query: Select[Any] = select(*place).where(_TO_DO, wanted, *_due(queue))
    if later:
        start = bindparam("after_start", type_=DateTime(timezone=True))
        query = query.where(tuple_(*place) > tuple_(start, bindparam("after_id", type_=Uuid)))
    parts = []
    for arm, condition in enumerate(people.arms(whose, "follow_ups.assignee_ids", table)):
        part = people.page(query.where(condition), arm, place, _SIZE)
        parts.append(part.subquery().select())
    found = union_all(*parts).subquery()
    first = select(found).order_by(found.c.start_time, found.c.id).limit(_SIZE).subquery()
    # All columns only of those that are shown.
    return select(table).join(first, first.c.id == table.c.id).order_by(*place)


def _due(queue: Queue) -> Sequence[Condition]:
    start, end, time = follow_ups.c.start_time, follow_ups.c.end_time, DateTime(timezone=True)
    if queue is Queue.OVERDUE:
        return (start < func.now(), end < func.now())
    return (
        start >= bindparam("day_earliest", type_=time),
        start < bindparam("day_end", type_=time),
        end >= func.now(),
    )
