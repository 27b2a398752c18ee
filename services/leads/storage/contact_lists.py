"""Contacts listed, searched and filtered, one page by key."""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from chassis.db import scopes
from chassis.db.paging import Page
from chassis.scope import Scope
from services import addresses
from services.leads.domain.contact import Contact
from services.leads.domain.listing import Filter, Order
from services.leads.storage import arrays, contact_rows, owned, sealed
from services.leads.storage.tables import contact_imports, contacts, transactions

Key = tuple[object, ...]
_SHORT = 3
_KEY = "order_key"
_ORDERS: Mapping[Order, ColumnElement[Any]] = {
    Order.CREATED: contacts.c.create_time,
    Order.NAME: contacts.c.sort_key,
    Order.UPDATED: contacts.c.update_time,
}


async def page(
    session: AsyncSession, wanted: Filter, order: Order, scope: Scope, page: Page
) -> tuple[list[Contact], Key | None]:
    """Return a page of contacts within reach and the key after which the next one starts.

    The key is None on the last page. Locks nothing.
    """
    statement = _statement(wanted, order, scopes.shape(scope), page.after is not None)
    value, tie = page.after or (None, None)
    given = {"size": page.size + 1, "after_value": value, "after_id": tie}
    rows = (await session.execute(statement, {**given, **scopes.given(scope, "reach")})).all()
    shown = rows[: page.size]
    more = len(rows) > page.size
    return [sealed.opened(session, contact_rows.contact(it)) for it in shown], (
        (shown[-1].order_key, shown[-1].id) if more else None
    )


@lru_cache(64)  # about 110 KB each
def _statement(wanted: Filter, order: Order, reach: Scope, is_after: bool) -> Select[Any]:
    """Return the query of a page: to make it takes longer than to answer it."""
    column = _ORDERS[order]
    listed = partial(_listed, column=column, order=order, is_after=is_after)
    reaches = owned.apart(reach, "reach")
    matching = conditions(wanted)
    if len(reaches) > 1:
        ids = select(contacts.c.id, column.label(_KEY))
        parts = [listed(ids.where(it, *matching)) for it in reaches]
        some = union_all(*(it.subquery().select() for it in parts)).subquery()
        reaches = [contacts.c.id.in_(select(some.c.id))]
        matching = []
    return listed(select(*contact_rows.READ, column.label(_KEY)).where(*reaches, *matching))


def _listed(
    query: Select[Any], *, column: ColumnElement[Any], order: Order, is_after: bool
) -> Select[Any]:
    """Return the query for as many as the page asks, in its order and after its key."""
    keys = [column, contacts.c.id]
    descending = order is not Order.NAME
    if is_after:
        value, tie = bindparam("after_value", type_=column.type), bindparam("after_id", type_=Uuid)
        here, there = tuple_(*keys), tuple_(value, tie)
        query = query.where(here < there if descending else here > there)
    by = [it.desc() for it in keys] if descending else keys
    return query.order_by(*by).limit(bindparam("size", type_=Integer))


def has_word(word: str) -> ColumnElement[bool]:
    """Return the condition that a contact is found by `word`, accents and case aside.

    One or two letters match the beginning of words, which the trigram index can still serve.
    """
    return contacts.c.search_text.like(func.fold(_pattern(word)))


def _pattern(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"% {escaped}%" if len(word) < _SHORT else f"%{escaped}%"


def name() -> ColumnElement[str]:
    """Return what a contact is called: nothing where it is only shown by an address."""
    shown = contacts.c.display_name
    return case((shown.regexp_match(addresses.FORM), ""), else_=shown)


def is_called(word: str) -> ColumnElement[bool]:
    """Return the condition that a name, company or code has `word`, accents and case aside."""
    c = contacts.c
    names = (name(), c.family_name, c.given_name, c.company, c.reference_code)
    return func.fold(func.concat_ws(" ", "", *names)).like(func.fold(_pattern(word)))


def conditions(it: Filter) -> list[ColumnElement[bool]]:
    """Return what must all hold of a contact that is listed; reports count by the same."""
    c = contacts.c
    found = [has_word(word) for word in it.words]
    if it.names_only:
        # The index has names and addresses together; of what it finds, the names decide.
        found += [is_called(word) for word in it.words]
    if it.kind is not None:
        found.append(c.kind == it.kind)
    if it.statuses:
        found.append(c.status.in_(it.statuses))
    if it.life_stage_ids:
        found.append(_any_of(c.life_stage_id, it.life_stage_ids))
    if it.source_ids:
        found.append(any_source(it.source_ids))
    if it.tags:
        found.append(arrays.has_all(c.tags, it.tags))
    if it.owner_ids:
        found.append(_owned_by(it.owner_ids))
    if it.import_id is not None:
        ids = select(contact_imports.c.contact_id)
        found.append(c.id.in_(ids.where(contact_imports.c.import_id == it.import_id)))
    if it.created_from is not None:
        found.append(c.create_time >= it.created_from)
    if it.created_until is not None:
        found.append(c.create_time < it.created_until)
    return found + _past(it)


def _past(it: Filter) -> list[ColumnElement[bool]]:
    """Return the conditions on what became of a contact, as reports count it."""
    c = contacts.c
    found: list[ColumnElement[bool]] = []
    if it.conversions:
        found.append(c.conversion.in_(it.conversions))
    if it.main_owner_ids:
        found.append(main_owner(it.main_owner_ids))
    if it.passed_stage_ids:
        some = [each for each in it.passed_stage_ids if each is not None]
        overlap = c.passed_stage_ids.op("&&", is_comparison=True)(literal(some, ARRAY(Uuid)))
        none = c.passed_stage_ids == literal([], ARRAY(Uuid))
        found.append(or_(overlap, none) if None in it.passed_stage_ids else overlap)
    if it.with_sale:
        found.append(has_sale())
    return found


def has_sale() -> ColumnElement[bool]:
    """Return the condition that a contact has bought."""
    t = transactions.c
    return exists().where(t.contact_id == contacts.c.id, t.is_sale)


def main_owner(ids: Sequence[UUID | None]) -> ColumnElement[bool]:
    """Return the condition that the first owner is any of these; None stands for having none."""
    return _any_of(contacts.c.owner_ids[1], ids)


def any_source(ids: Sequence[UUID | None]) -> ColumnElement[bool]:
    """Return the condition that the source is any of these; None stands for having none."""
    return _any_of(contacts.c.source_id, ids)


def _any_of(column: ColumnElement[UUID], ids: Sequence[UUID | None]) -> ColumnElement[bool]:
    known = [it for it in ids if it is not None]
    conditions = [column.in_(known)] if known else []
    if None in ids:
        conditions.append(column.is_(None))
    return or_(false(), *conditions)


def _owned_by(ids: Sequence[UUID | None]) -> ColumnElement[bool]:
    owners = contacts.c.owner_ids
    some = arrays.has_any_id(owners, [it for it in ids if it is not None])
    return or_(some, not_(arrays.not_empty(owners))) if None in ids else some
