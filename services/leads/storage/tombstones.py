"""What is left of contacts that were deleted."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def has(session: AsyncSession, contact_id: UUID) -> bool:
    """Return whether a contact was deleted."""
    return await session.scalar(_HAS, {"id": contact_id}) is not None


async def was_erased(session: AsyncSession, contact_id: UUID) -> bool:
    """Return whether a contact was erased, or is being."""
    return await session.scalar(_ERASED, {"id": contact_id}) is not None


_HAS = text("SELECT 1 FROM contact_tombstones WHERE contact_id = :id")
_ERASED = text("SELECT 1 FROM erasures WHERE contact_id = :id")
