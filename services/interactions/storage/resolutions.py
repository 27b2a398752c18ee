"""Queries of resolutions: whose segment is to be turned into deliveries, and how far that is."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


class Resolution(NamedTuple):
    """One under a claim: everybody up to ordinal `cursor` has a delivery."""

    follow_up_id: UUID
    cursor: int
    claim: int


async def add(session: AsyncSession, follow_up_id: UUID, due: datetime) -> None:
    """Notes that a follow-up's segment is to be resolved at its time."""
    await session.execute(_ADD, {"id": follow_up_id, "due": due})


async def claim(session: AsyncSession, lease: timedelta) -> Resolution | None:
    """Claims the one that is due longest, skipping those that others are about to claim."""
    found = (await session.execute(_CLAIM, {"lease": lease})).first()
    return Resolution(found.follow_up_id, found.cursor, found.claim) if found else None


async def advance(session: AsyncSession, held: Resolution, cursor: int, lease: timedelta) -> bool:
    """Notes how far it is and renews the lease; False for one that another has or nobody needs."""
    given = {
        "id": held.follow_up_id,
        "claim": held.claim,
        "cursor": cursor,
        "lease": lease,
    }
    return bool((await session.execute(_ADVANCE, given)).first())


async def end(session: AsyncSession, held: Resolution) -> bool:
    """Forgets one that is done; False as `advance`."""
    given = {"id": held.follow_up_id, "claim": held.claim}
    return bool((await session.execute(_END, given)).first())


async def postpone(session: AsyncSession, held: Resolution, wait: timedelta) -> None:
    """Has it tried again after `wait`."""
    given = {"id": held.follow_up_id, "claim": held.claim, "wait": wait}
    await session.execute(_POSTPONE, given)


async def drop(session: AsyncSession, follow_up_id: UUID) -> bool:
    """Forgets that a follow-up's segment is to be resolved; False where nobody was to."""
    return bool((await session.execute(_DROP, {"id": follow_up_id})).first())


async def move(session: AsyncSession, follow_up_id: UUID, due: datetime) -> bool:
    """Gives it another time; False where it began."""
    return bool((await session.execute(_MOVE, {"id": follow_up_id, "due": due})).first())


_ADD = text("INSERT INTO resolutions (follow_up_id, try_time) VALUES (:id, :due)")
_CLAIM = text("""
    UPDATE resolutions r
    SET claim = nextval('delivery_claims'), try_time = clock_timestamp() + CAST(:lease AS interval)
    WHERE follow_up_id = (
        SELECT follow_up_id FROM resolutions WHERE try_time <= clock_timestamp()
        ORDER BY try_time LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING follow_up_id, cursor, claim
""")
_ADVANCE = text("""
    UPDATE resolutions
    SET cursor = :cursor, try_time = clock_timestamp() + CAST(:lease AS interval)
    WHERE follow_up_id = :id AND claim = :claim
    RETURNING 1
""")
_END = text("DELETE FROM resolutions WHERE follow_up_id = :id AND claim = :claim RETURNING 1")
_POSTPONE = text("""
    UPDATE resolutions SET try_time = clock_timestamp() + CAST(:wait AS interval)
    WHERE follow_up_id = :id AND claim = :claim
""")
_DROP = text("DELETE FROM resolutions WHERE follow_up_id = :id RETURNING 1")
_MOVE = text("""
    UPDATE resolutions SET try_time = :due WHERE follow_up_id = :id AND claim = 0 RETURNING 1
""")
