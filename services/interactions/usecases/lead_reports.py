"""What was done with the leads that the caller may read."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain import lead_reports as rules
from services.interactions.domain.lead_reports import Report
from services.interactions.domain.reports import Period
from services.interactions.storage import lead_reports as storage
from services.interactions.storage import reports


async def leads(
    session: AsyncSession, period: Period, owner_ids: tuple[UUID | None, ...], scope: Scope
) -> Report:
    """Count the leads of a period by what was done with them; call it first in a transaction."""
    await reports.begin(session)
    wanted = rules.of_period(period, owner_ids)
    return rules.report(period, wanted, await storage.counted(session, wanted, scope))
