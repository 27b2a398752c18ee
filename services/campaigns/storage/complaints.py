"""How many of those a run reached called it unwanted."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.storage.tables import runs


async def count(session: AsyncSession, run_id: UUID) -> int:
    """Count one more for a run that the caller locked; returns how many there are."""
    more = update(runs).where(runs.c.id == run_id).values(complaints=runs.c.complaints + 1)
    return int((await session.execute(more.returning(runs.c.complaints))).scalar_one())
