"""What the audit chain ended with, hour by hour."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.chain import FIRST
from services.accounts.domain.walking import Head


@dataclass(frozen=True)
class Exported:
    """The head of an hour, and when it was taken."""

    hour: datetime
    head: Head
    time: datetime


async def take(session: AsyncSession) -> Exported | None:
    """Keeps the chain's head for this hour; None if that was done. Others wait for its outcome."""
    row = (await session.execute(_TAKE, {"first": FIRST})).first()
    if row is None:
        return None
    return Exported(row.hour, Head(row.sequence, bytes(row.hash)), row.create_time)


async def newest(session: AsyncSession) -> datetime | None:
    """Returns when a head was last taken."""
    found: datetime | None = await session.scalar(_NEWEST)
    return found


async def behind(session: AsyncSession, place: int) -> list[Head]:
    """Returns the heads behind a place of the chain."""
    found = await session.execute(_BEHIND, {"place": place})
    return [Head(it.sequence, bytes(it.hash)) for it in found]


_TAKE = text("""
    INSERT INTO audit_heads (hour, sequence, hash)
    SELECT date_trunc('hour', clock_timestamp(), 'UTC'), coalesce(e.sequence, 0),
           coalesce(e.hash, CAST(:first AS bytea))
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT sequence, hash FROM audit_entries ORDER BY sequence DESC LIMIT 1
    ) AS e ON true
    ON CONFLICT DO NOTHING
    RETURNING hour, sequence, hash, create_time
""")
_NEWEST = text("SELECT create_time FROM audit_heads ORDER BY hour DESC LIMIT 1")
_BEHIND = text("SELECT DISTINCT sequence, hash FROM audit_heads WHERE sequence > :place")
