"""What sources cost."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.leads.domain.source_cost import SourceCost
from services.leads.storage.tables import source_costs

Key = tuple[object, ...]


async def add(session: AsyncSession, cost: SourceCost) -> None:
    """Store a cost."""
    await session.execute(insert(source_costs).values(**vars(cost)))


async def get(session: AsyncSession, cost_id: UUID) -> SourceCost | None:
    """Return a cost, locked for update."""
    query = select(source_costs).where(source_costs.c.id == cost_id).with_for_update()
    row = (await session.execute(query)).first()
    return _cost(row) if row else None


async def change(session: AsyncSession, cost: SourceCost) -> None:
    """Store a cost that the caller has locked."""
    values = {name: value for name, value in vars(cost).items() if name != "id"}
    query = update(source_costs).where(source_costs.c.id == cost.id)
    await session.execute(query.values(**values))


async def remove(session: AsyncSession, cost_id: UUID) -> None:
    """Delete a cost that the caller has locked."""
    await session.execute(delete(source_costs).where(source_costs.c.id == cost_id))


async def page(
    session: AsyncSession,
    source_id: UUID | None,
    days: tuple[date | None, date | None],
    page: Page,
) -> tuple[list[SourceCost], Key | None]:
    """Return a page of costs, latest days first, and where the next one starts. Locks nothing.

    `days` are the first and the one after the last that a cost shares a day with, if said.
    """
    c = source_costs.c
    query = select(source_costs).order_by(c.start_date.desc(), c.id.desc())
    if source_id is not None:
        query = query.where(c.source_id == source_id)
    start, end = days
    if start is not None:
        query = query.where(c.end_date > start)
    if end is not None:
        query = query.where(c.start_date < end)
    if page.after:
        query = query.where(tuple_(c.start_date, c.id) < page.after)
    rows = (await session.execute(query.limit(page.size + 1))).all()
    shown = [_cost(it) for it in rows[: page.size]]
    more = len(rows) > page.size
    return shown, ((shown[-1].start_date, shown[-1].id) if more else None)


async def touching(session: AsyncSession, start: date, end: date) -> Sequence[SourceCost]:
    """Return the costs of any day from `start` until before `end`. Locks nothing."""
    c = source_costs.c
    query = select(source_costs).where(c.start_date < end, c.end_date > start)
    return [_cost(it) for it in await session.execute(query)]


def _cost(row: Any) -> SourceCost:
    return SourceCost(**row._mapping)
