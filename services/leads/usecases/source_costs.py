"""What sources cost, as people enter it."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import FieldViolation
from services.leads.domain import fields
from services.leads.domain.source_cost import Draft, SourceCost, changed, check
from services.leads.storage import source_costs as storage
from services.leads.storage import sources
from services.leads.usecases import access, trail


async def create(session: AsyncSession, draft: Draft, *, now: datetime) -> SourceCost:
    """Add a cost; raises `InvalidArgument` naming each bad field. Retired sources may have some."""
    cost = check(draft, new_id=uuid_utils.compat.uuid7(), creator_id=access.actor(), now=now)
    await _has_source(session, cost)
    await storage.add(session, cost)
    await trail.changed(session, "create", "source_cost", cost.id, None, _plain(cost))
    return cost


async def get(session: AsyncSession, cost_id: UUID) -> SourceCost:
    """Return a cost; raises `NotFound`."""
    cost = await storage.get(session, cost_id)
    if cost is None:
        raise access.missing("source_cost", cost_id)
    return cost


async def change(
    session: AsyncSession, cost_id: UUID, given: Draft, etag: str, names: Collection[str]
) -> SourceCost:
    """Change the named fields; raises as `create`, `NotFound`, `Aborted` for a stale etag."""
    before = await get(session, cost_id)
    access.check_etag("source_cost", cost_id, before.revision, etag)
    after = changed(before, given, names)
    if after == before:
        return before
    await _has_source(session, after)
    await storage.change(session, after)
    await trail.changed(session, "update", "source_cost", cost_id, _plain(before), _plain(after))
    return after


async def delete(session: AsyncSession, cost_id: UUID) -> None:
    """Delete a cost; raises `NotFound`."""
    cost = await get(session, cost_id)
    await storage.remove(session, cost_id)
    await trail.changed(session, "delete", "source_cost", cost_id, _plain(cost), None)


async def _has_source(session: AsyncSession, cost: SourceCost) -> None:
    if not await sources.existing(session, [cost.source_id]):
        fields.refuse([FieldViolation("source_cost.source_id", "is no source")])


def _plain(it: SourceCost) -> dict[str, object]:
    days = {name: getattr(it, name).isoformat() for name in ("start_date", "end_date")}
    return {**vars(it), **days}
