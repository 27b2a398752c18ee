"""Who called a mail unwanted, once a message."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.work import Key


async def add(session: AsyncSession, key: Key, run_id: UUID | None, what: str) -> bool:
    """Stores that somebody complained of a message; False when that is known."""
    row = {"id": key.message_id, "day": key.run_date, "run_id": run_id, "what": what}
    return (await session.execute(_ADD, row)).first() is not None


_ADD = text("""
    INSERT INTO complaints (message_id, run_date, run_id, what)
    VALUES (:id, :day, :run_id, :what) ON CONFLICT DO NOTHING RETURNING 1
""")
