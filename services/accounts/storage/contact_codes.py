"""Queries of customers' one-time codes, one a login and browser at most; codes are hashed."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.storage.tables import contact_browser_codes as table


async def put(
    session: AsyncSession,
    login_id: UUID,
    browser_hash: bytes,
    code_id: UUID,
    code_hash: bytes,
    lasts: timedelta,
) -> datetime:
    """Stores a code in place of the last one for this browser; returns when it ends."""
    values = {
        "id": code_id,
        "code_hash": code_hash,
        "tries": 0,
        "expire_time": func.clock_timestamp() + lasts,
    }
    whose = {"login_id": login_id, "browser_hash": browser_hash}
    query = insert(table).values({**values, **whose})
    query = query.on_conflict_do_update(
        index_elements=[table.c.login_id, table.c.browser_hash], set_=values
    )
    made = await session.execute(query.returning(table.c.expire_time))
    expire_time: datetime = made.scalar_one()
    return expire_time


async def ends(session: AsyncSession, code_id: UUID, left: timedelta) -> datetime | None:
    """Returns when a code ends; None for one that has less time left, or was replaced or used."""
    query = select(table.c.expire_time).where(
        table.c.id == code_id, table.c.expire_time > func.clock_timestamp() + left
    )
    found: datetime | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def count_try(
    session: AsyncSession, login_id: UUID, browser_hash: bytes, most: int
) -> bytes | None:
    """Counts a try before it is known to be right; returns the hash of the browser's code.

    None when there is no code, its time has passed, or it was tried so often already. The row
    stays locked until the transaction ends.
    """
    alive = (table.c.expire_time > func.clock_timestamp()) & (table.c.tries < most)
    query = update(table).where(
        table.c.login_id == login_id, table.c.browser_hash == browser_hash, alive
    )
    counted = query.values(tries=table.c.tries + 1).returning(table.c.code_hash)
    row = (await session.execute(counted)).first()
    return bytes(row.code_hash) if row else None


async def end(session: AsyncSession, login_id: UUID) -> None:
    """Deletes a login's codes."""
    await session.execute(delete(table).where(table.c.login_id == login_id))


async def end_one(session: AsyncSession, code_id: UUID) -> None:
    """Deletes one code, unless another took its place."""
    await session.execute(delete(table).where(table.c.id == code_id))


async def drop_expired(session: AsyncSession, limit: int = 1_000) -> int:
    """Deletes up to `limit` that have ended by time; returns how many."""
    key = tuple_(table.c.login_id, table.c.browser_hash)
    old = select(table.c.login_id, table.c.browser_hash)
    old = old.where(table.c.expire_time <= func.now()).limit(limit)
    dropped = delete(table).where(key.in_(old)).returning(table.c.login_id)
    return len((await session.execute(dropped)).all())
