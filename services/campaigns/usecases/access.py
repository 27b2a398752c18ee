"""Campaigns and their runs as far as the caller's rights reach."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context, scope
from chassis.rpc import rights
from chassis.scope import Scope
from services.campaigns.domain.campaigns import Campaign
from services.campaigns.storage import campaigns

RESOURCE = "campaigns"


def reach(action: str = "read") -> Scope:
    """Return how far the caller's right to `action` on campaigns reaches."""
    return scope.to(context.require_principal(), RESOURCE, action)


async def campaign(session: AsyncSession, campaign_id: UUID, action: str = "read") -> Campaign:
    """Return a campaign within reach; locks nothing.

    Raises `NotFound` when the caller may not even see it, `PermissionDenied` when it may be seen
    and `action` not be done.
    """
    found = await campaigns.get(session, campaign_id)
    _check(found, action, campaigns.missing(campaign_id))
    return found


async def run(session: AsyncSession, run_id: UUID, action: str = "read") -> None:
    """Raise as `campaign` for that of a run."""
    if reach(action).is_all:
        return
    found = await campaigns.of_run(session, run_id)
    _check(found, action, campaigns.missing(run_id, "run"))


def _check(found: Campaign | None, action: str, missing: Exception) -> None:
    if found is None or not (found.within(reach(action)) or found.within(reach())):
        raise missing
    if not found.within(reach(action)):
        raise rights.denied(RESOURCE, action)
