"""Figures about leads, counted by the conditions that lists have, so that both agree."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.leads.domain.contact import Conversion, Status
from services.leads.domain.listing import Filter
from services.leads.domain.report import Grouping
from services.leads.domain.source_report import Sold
from services.leads.domain.transaction import CANCELLED, Type
from services.leads.storage import contact_lists, owned
from services.leads.storage.tables import contacts, transactions

Counted = tuple[Any, Conversion, Status, int]


# A report groups more than fits in what is given to every statement, and reads the index alone: at
# the default the planner takes its pages for so dear that it reads the table, ten times as large.
_ROOM = (text("SET LOCAL work_mem = '64MB'"), text("SET LOCAL random_page_cost = 1.1"))


async def make_room(session: AsyncSession) -> None:
    """Let this transaction's statements keep what they group in memory, and read the index."""
    for each in _ROOM:
        await session.execute(each)


async def leads(
    session: AsyncSession, wanted: Filter, grouping: Grouping, scope: Scope
) -> list[Counted]:
    """Return how many contacts within reach each group has, by conversion and status.

    The key of a group is an id or None; for stages it is the tuple of all that were passed, a
    contact in one such group only. Locks nothing.
    """
    c = contacts.c
    key: ColumnElement[Any] = {
        Grouping.OWNER: c.owner_ids[1],
        Grouping.SOURCE: c.source_id,
        Grouping.STAGE: c.passed_stage_ids,
    }[grouping]
    query = (
        select(key.label("key"), c.conversion, c.status, func.count().label("number"))
        .where(owned.contacts(scope), *contact_lists.conditions(wanted))
        .group_by(key, c.conversion, c.status)
    )
    return [
        (
            tuple(it.key) if isinstance(it.key, list) else it.key,
            Conversion(it.conversion),
            Status(it.status),
            it.number,
        )
        for it in await session.execute(query)
    ]


async def by_source(
    session: AsyncSession, wanted: Filter, scope: Scope
) -> tuple[list[Counted], dict[UUID | None, int]]:
    """Return what `leads` does for sources, and how many with a sale each has. Locks nothing.

    Two statements: of whom there is a sale the database finds out by joining, with all its
    processes, as long as that is a condition and no column.
    """
    counted = await leads(session, wanted, Grouping.SOURCE, scope)
    query = (
        select(contacts.c.source_id, func.count().label("number"))
        .where(
            owned.contacts(scope),
            *contact_lists.conditions(wanted),
            contact_lists.has_sale(),
        )
        .group_by(contacts.c.source_id)
    )
    return counted, {it.source_id: it.number for it in await session.execute(query)}


async def sold(session: AsyncSession, wanted: Filter, scope: Scope) -> Sequence[Sold]:
    """Return what the contacts bought and sent back so far. Locks nothing."""
    t, c = transactions.c, contacts.c
    # By status first: there are few of them, and to fold one costs as much as to find ten rows.
    of = (
        select(c.source_id, t.currency, t.is_sale, t.status, func.sum(t.amount).label("amount"))
        .select_from(transactions.join(contacts, t.contact_id == c.id))
        .where(or_(t.is_sale, t.type == Type.RETURN.value))
        .where(owned.contacts(scope), *contact_lists.conditions(wanted))
        .group_by(c.source_id, t.currency, t.is_sale, t.status)
        .subquery("of")
    )
    # A return that the till took back is none, by the words that make an order none.
    came_back = (~of.c.is_sale) & func.fold(of.c.status).not_in(sorted(CANCELLED))
    query = select(
        of.c.source_id,
        of.c.currency,
        func.coalesce(func.sum(case((of.c.is_sale, of.c.amount))), 0).label("sales"),
        func.coalesce(func.sum(case((came_back, of.c.amount))), 0).label("returned"),
    ).group_by(of.c.source_id, of.c.currency)
    rows = await session.execute(query)
    return [Sold(it.source_id, it.currency, int(it.sales), int(it.returned)) for it in rows]
