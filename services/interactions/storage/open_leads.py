"""Queries of open leads in the order of where they stand: pages by index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    bindparam,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.types import Uuid

from chassis import db
from chassis.db import scopes
from chassis.scope import Scope
from services.interactions.domain.agenda import Whose
from services.interactions.domain.standings import Order, Standing
from services.interactions.storage import owned, standings
from services.interactions.storage import whose as people
from services.interactions.storage.queues import IDLE
from services.interactions.storage.tables import contacts

Place = tuple[datetime | None, UUID]

# Word for word as in the indexes.
_OPEN: ColumnElement[bool] = literal_column("contacts.open_lead AND NOT contacts.deleted")
_PLANNED: ColumnElement[bool] = literal_column(
    "contacts.open_lead AND contacts.next_follow_up_id IS NOT NULL AND NOT contacts.deleted"
)
_SIZE: Any = bindparam("size")
_NEXT, _LAST, _ID = (
    contacts.c.next_follow_up_time,
    contacts.c.last_interaction_time,
    contacts.c.id,
)


@dataclass(frozen=True)
class _Part:
    """Leads that are `timed`, or those without a time, and the columns an index has them by."""

    timed: bool
    where: Sequence[ColumnElement[bool]]
    by: Sequence[ColumnElement[Any]]


@dataclass(frozen=True)
class _Sorted:
    """An order: the column of its time, its parts, the first first, and where it begins."""

    time: ColumnElement[Any]
    parts: tuple[_Part, _Part]
    latest_first: bool = False


_BY_NEXT = (_Part(True, [_PLANNED], [_NEXT, _ID]), _Part(False, [IDLE], [_ID]))
_ORDERS: Mapping[Order, _Sorted] = {
    Order.NEXT_EARLIEST: _Sorted(_NEXT, _BY_NEXT),
    Order.NEXT_LATEST: _Sorted(_NEXT, _BY_NEXT, latest_first=True),
    Order.LAST_OLDEST: _Sorted(
        _LAST,
        (
            _Part(False, [_OPEN, _LAST.is_(None)], [_LAST, _ID]),
            _Part(True, [_OPEN, _LAST.is_not(None)], [_LAST, _ID]),
        ),
    ),
}


def ask_page(
    order: Order, whose: Whose, reach: Scope, planned: Scope, size: int, after: Place | None
) -> db.Ask[Sequence[Standing]]:
    """Asks where up to `size` open leads within `reach` stand, in an order, from after a place.

    Titles are left out beyond `planned`, the reach over follow-ups.
    """
    time, contact_id = after or (None, None)
    given = {"size": size, "after_time": time, "after_id": contact_id}
    is_timed = None if after is None else time is not None
    statement = _statement(
        order, people.shape(whose), scopes.shape(reach), scopes.shape(planned), is_timed
    )
    names = {**scopes.given(reach, "reach"), **scopes.given(planned, "planned")}
    return db.Ask(statement, {**given, **people.given(whose), **names}, standings.read)


def place(order: Order, of: Standing) -> Place:
    """Returns the place of a lead in an order."""
    by_last = order is Order.LAST_OLDEST
    return (of.last_time if by_last else of.next_time), of.contact_id


@lru_cache(256)
def _statement(
    order: Order, whose: Whose, reach: Scope, planned: Scope, is_after_timed: bool | None
) -> Select[Any]:
    wanted = _ORDERS[order]
    rest: Sequence[_Part] = wanted.parts
    if is_after_timed is not None:
        rest = wanted.parts[[it.timed for it in wanted.parts].index(is_after_timed) :]
    found = []
    for part in rest:
        query = select(_ID, wanted.time.label("time")).where(
            *part.where, owned.contacts(reach, "reach")
        )
        if part.timed is is_after_timed:
            query = query.where(_after(wanted, part))
        by = _directed(wanted, part.by)
        for arm, condition in enumerate(people.arms(whose, "contacts.owner_ids", contacts)):
            page = people.page(query.where(condition), arm, by, _SIZE)
            found.append(page.subquery().select())
    whole = union_all(*found).subquery()
    first = select(whole).order_by(*_whole(wanted, whole)).limit(_SIZE).subquery("first")
    rows = standings.query(planned).join(first, first.c.id == contacts.c.id)
    return rows.order_by(*_whole(wanted, first))


def _whole(wanted: _Sorted, table: Any) -> list[Any]:
    time, contact_id = _directed(wanted, (table.c.time, table.c.id))
    return [time.nulls_last() if wanted.parts[0].timed else time.nulls_first(), contact_id]


def _directed(wanted: _Sorted, by: Sequence[Any]) -> list[Any]:
    return [it.desc() if wanted.latest_first else it.asc() for it in by]


def _after(wanted: _Sorted, part: _Part) -> ColumnElement[bool]:
    columns = [wanted.time, _ID] if part.timed else [_ID]
    values: list[Any] = [bindparam("after_id", type_=Uuid)]
    if part.timed:
        values.insert(0, bindparam("after_time", type_=DateTime(timezone=True)))
    here, there = tuple_(*columns), tuple_(*values)
    return here < there if wanted.latest_first else here > there
