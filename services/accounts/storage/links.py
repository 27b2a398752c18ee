"""Queries of links to choose a password; secrets are hashed."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.people import PasswordLink
from services.accounts.storage.tables import password_links as table

_SHOWN = (table.c.id, table.c.user_id, table.c.kind, table.c.expire_time)


async def add(
    session: AsyncSession,
    link_id: UUID,
    user_id: UUID,
    kind: str,
    secret_hash: bytes,
    lasts: timedelta,
) -> datetime:
    """Stores a link; returns when it ends."""
    values = {"id": link_id, "user_id": user_id, "kind": kind, "secret_hash": secret_hash}
    made = insert(table).values({**values, "expire_time": func.clock_timestamp() + lasts})
    expire_time: datetime = (
        await session.execute(made.returning(table.c.expire_time))
    ).scalar_one()
    return expire_time


async def alive(session: AsyncSession, secret_hash: bytes) -> PasswordLink | None:
    """Returns the link of a secret unless it has ended; locks nothing."""
    query = select(*_SHOWN).where(
        table.c.secret_hash == secret_hash, table.c.expire_time > func.now()
    )
    row = (await session.execute(query)).first()
    return PasswordLink(**row._mapping) if row else None


async def get(session: AsyncSession, link_id: UUID, left: timedelta) -> PasswordLink | None:
    """Returns a link that lasts at least this much longer; locks nothing."""
    query = select(*_SHOWN).where(
        table.c.id == link_id, table.c.expire_time > func.clock_timestamp() + left
    )
    row = (await session.execute(query)).first()
    return PasswordLink(**row._mapping) if row else None


async def use(session: AsyncSession, secret_hash: bytes) -> PasswordLink | None:
    """Deletes and returns the link of a secret, so that it is used once; None if it has ended."""
    used = delete(table).where(table.c.secret_hash == secret_hash, table.c.expire_time > func.now())
    row = (await session.execute(used.returning(*_SHOWN))).first()
    return PasswordLink(**row._mapping) if row else None


async def end(session: AsyncSession, link_id: UUID) -> None:
    """Deletes one link."""
    await session.execute(delete(table).where(table.c.id == link_id))


async def end_all(session: AsyncSession, user_id: UUID) -> None:
    """Deletes a user's links."""
    await session.execute(delete(table).where(table.c.user_id == user_id))


async def drop_expired(session: AsyncSession, limit: int = 1_000) -> int:
    """Deletes up to `limit` that have ended by time; returns how many."""
    old = select(table.c.id).where(table.c.expire_time <= func.now()).limit(limit)
    dropped = delete(table).where(table.c.id.in_(old)).returning(table.c.id)
    return len((await session.execute(dropped)).all())
