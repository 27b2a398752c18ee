"""Queries of invitations to the portal; secrets are hashed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.logins import Invitation
from services.accounts.storage.tables import contact_invitations as table

_SHOWN = (table.c.id, table.c.login_id, table.c.expire_time)


async def add(
    session: AsyncSession, link_id: UUID, login_id: UUID, secret_hash: bytes, lasts: timedelta
) -> datetime:
    """Stores an invitation; returns when it ends."""
    values = {"id": link_id, "login_id": login_id, "secret_hash": secret_hash}
    made = insert(table).values({**values, "expire_time": func.clock_timestamp() + lasts})
    added = await session.execute(made.returning(table.c.expire_time))
    expire_time: datetime = added.scalar_one()
    return expire_time


async def alive(session: AsyncSession, secret_hash: bytes) -> Invitation | None:
    """Returns the invitation of a secret unless it has ended; locks nothing."""
    query = select(*_SHOWN).where(
        table.c.secret_hash == secret_hash, table.c.expire_time > func.now()
    )
    return await _one(session, query)


async def ends(session: AsyncSession, link_id: UUID, left: timedelta) -> datetime | None:
    """Returns when an invitation ends; None for one that has less time left, or was used."""
    query = select(*_SHOWN).where(
        table.c.id == link_id, table.c.expire_time > func.clock_timestamp() + left
    )
    found = await _one(session, query)
    return found.expire_time if found else None


async def use(session: AsyncSession, secret_hash: bytes) -> Invitation | None:
    """Deletes and returns the invitation of a secret, so that it is used once; None if ended."""
    used = delete(table).where(table.c.secret_hash == secret_hash, table.c.expire_time > func.now())
    row = (await session.execute(used.returning(*_SHOWN))).first()
    return Invitation(**row._mapping) if row else None


async def end(session: AsyncSession, link_id: UUID) -> None:
    """Deletes one invitation."""
    await session.execute(delete(table).where(table.c.id == link_id))


async def end_all(session: AsyncSession, login_id: UUID) -> None:
    """Deletes a login's invitations."""
    await session.execute(delete(table).where(table.c.login_id == login_id))


async def drop_expired(session: AsyncSession, limit: int = 1_000) -> int:
    """Deletes up to `limit` that have ended by time; returns how many."""
    old = select(table.c.id).where(table.c.expire_time <= func.now()).limit(limit)
    dropped = delete(table).where(table.c.id.in_(old)).returning(table.c.id)
    return len((await session.execute(dropped)).all())


async def _one(session: AsyncSession, query: Select[Any]) -> Invitation | None:
    row = (await session.execute(query)).first()
    return Invitation(**row._mapping) if row else None
