"""The history of contacts' statuses and life stages."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.leads.domain.contact import Status
from services.leads.domain.status import StageChange
from services.leads.storage import recordset
from services.leads.storage.tables import stage_changes

Key = tuple[object, ...]


async def add(session: AsyncSession, changes: Sequence[StageChange]) -> None:
    """Append to the history."""
    await recordset.run(session, _INSERT, [vars(it) for it in changes])


async def page(
    session: AsyncSession, contact_id: UUID, page: Page
) -> tuple[list[StageChange], Key | None]:
    """Return a page of a contact's moves, newest first, and where the next one starts."""
    c = stage_changes.c
    query = select(stage_changes).where(c.contact_id == contact_id)
    query = query.order_by(c.time.desc(), c.id.desc())
    if page.after:
        query = query.where(tuple_(c.time, c.id) < page.after)
    rows = (await session.execute(query.limit(page.size + 1))).all()
    shown = [_change(it) for it in rows[: page.size]]
    return shown, ((shown[-1].time, shown[-1].id) if len(rows) > page.size else None)


async def any_since(session: AsyncSession, contact_id: UUID, since: datetime) -> bool:
    """Return True if a contact was moved at or after a time."""
    c = stage_changes.c
    found = select(c.id).where(c.contact_id == contact_id, c.time >= since).limit(1)
    return (await session.execute(found)).first() is not None


def _change(it: object) -> StageChange:
    values = dict(it._mapping)  # type: ignore[attr-defined]
    values["from_status"] = Status(values["from_status"])
    values["to_status"] = Status(values["to_status"])
    return StageChange(**values)


_INSERT = recordset.insert_statement("stage_changes", [it.name for it in stage_changes.columns])
