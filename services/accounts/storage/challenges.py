"""Queries of sign-ins that wait for the code of a second factor; secrets are hashed."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.storage.tables import sign_in_challenges as table


async def add(
    session: AsyncSession, secret_hash: bytes, user_id: UUID, lasts: timedelta
) -> datetime:
    """Stores a challenge; returns when it ends."""
    values = {"secret_hash": secret_hash, "user_id": user_id, "expire_time": func.now() + lasts}
    made = insert(table).values(values).returning(table.c.expire_time)
    expire_time: datetime = (await session.execute(made)).scalar_one()
    return expire_time


async def user_of(session: AsyncSession, secret_hash: bytes) -> UUID | None:
    """Returns whose challenge this is, unless it has ended; locks nothing."""
    alive = table.c.expire_time > func.now()
    query = select(table.c.user_id).where(table.c.secret_hash == secret_hash, alive)
    found: UUID | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def end(session: AsyncSession, secret_hash: bytes) -> bool:
    """Deletes a challenge that has not ended yet; False if it has."""
    alive = table.c.expire_time > func.now()
    ended = delete(table).where(table.c.secret_hash == secret_hash, alive)
    return (await session.execute(ended.returning(table.c.user_id))).first() is not None


async def end_all(session: AsyncSession, user_id: UUID) -> None:
    """Deletes a user's challenges."""
    await session.execute(delete(table).where(table.c.user_id == user_id))


async def drop_expired(session: AsyncSession, limit: int = 1_000) -> int:
    """Deletes up to `limit` that have ended by time; returns how many."""
    old = select(table.c.secret_hash).where(table.c.expire_time <= func.now()).limit(limit)
    dropped = delete(table).where(table.c.secret_hash.in_(old)).returning(table.c.user_id)
    return len((await session.execute(dropped)).all())
