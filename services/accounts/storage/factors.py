"""Queries of second factors and their recovery codes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.people import SecondFactor
from services.accounts.storage.tables import recovery_codes, second_factors

_table = second_factors


async def get(session: AsyncSession, user_id: UUID) -> SecondFactor | None:
    """Returns the factor that sign-in asks for; locks nothing."""
    return await _one(session, _counts(user_id), lock=False)


async def lock(session: AsyncSession, user_id: UUID) -> SecondFactor | None:
    """As `get`, and keeps others from using it until the transaction ends."""
    return await _one(session, _counts(user_id), lock=True)


async def lock_begun(
    session: AsyncSession, user_id: UUID, within: timedelta
) -> SecondFactor | None:
    """Locks and returns the factor that was begun within this time and not confirmed yet."""
    recent = _table.c.create_time > func.now() - within
    begun = and_(_table.c.user_id == user_id, _table.c.confirm_time.is_(None), recent)
    return await _one(session, begun, lock=True)


async def begin(session: AsyncSession, user_id: UUID, sealed_secret: bytes) -> datetime | None:
    """Stores a factor to be confirmed, in place of one that was not; returns when that was.

    None if the user has one that was confirmed.
    """
    query = upsert(_table).values(user_id=user_id, sealed_secret=sealed_secret)
    begun = query.on_conflict_do_update(
        index_elements=[_table.c.user_id],
        set_={"sealed_secret": query.excluded.sealed_secret, "create_time": func.now()},
        where=_table.c.confirm_time.is_(None),
    ).returning(_table.c.create_time)
    found: datetime | None = (await session.execute(begun)).scalar_one_or_none()
    return found


async def confirm(session: AsyncSession, user_id: UUID, step: int) -> None:
    """Makes a locked factor count, from a code of `step` on."""
    mine = _table.c.user_id == user_id
    values = {"last_step": step, "confirm_time": func.now()}
    await session.execute(update(_table).where(mine).values(values))


async def note_step(session: AsyncSession, user_id: UUID, step: int) -> None:
    """Remembers the step of the code that a locked factor accepted."""
    mine = _table.c.user_id == user_id
    await session.execute(update(_table).where(mine).values(last_step=step))


async def remove(session: AsyncSession, user_id: UUID) -> bool:
    """Deletes a factor with its recovery codes; False where sign-in asked for none."""
    mine = _table.c.user_id == user_id
    deleted = delete(_table).where(mine).returning(_table.c.confirm_time)
    return (await session.execute(deleted)).scalar_one_or_none() is not None


async def put_codes(session: AsyncSession, user_id: UUID, hashes: Sequence[bytes]) -> None:
    """Stores recovery codes in place of those before."""
    await session.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    rows = [{"user_id": user_id, "code_hash": each} for each in hashes]
    await session.execute(insert(recovery_codes), rows)


async def use_code(session: AsyncSession, user_id: UUID, code_hash: bytes) -> bool:
    """Deletes a recovery code, so that it is used once; False if there is none such."""
    mine = recovery_codes.c.user_id == user_id
    used = delete(recovery_codes).where(mine, recovery_codes.c.code_hash == code_hash)
    return (await session.execute(used.returning(recovery_codes.c.user_id))).first() is not None


async def count_codes(session: AsyncSession, user_id: UUID) -> int:
    """Returns how many recovery codes are left."""
    mine = recovery_codes.c.user_id == user_id
    query = select(func.count()).select_from(recovery_codes).where(mine)
    return int((await session.execute(query)).scalar_one())


async def drop_abandoned(session: AsyncSession, older: timedelta, limit: int = 1_000) -> int:
    """Deletes up to `limit` factors that were begun longer ago and never confirmed."""
    stale = (
        select(_table.c.user_id)
        .where(_table.c.confirm_time.is_(None), _table.c.create_time < func.now() - older)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    dropped = delete(_table).where(_table.c.user_id.in_(stale)).returning(_table.c.user_id)
    return len((await session.execute(dropped)).all())


def _counts(user_id: UUID) -> ColumnElement[bool]:
    return and_(_table.c.user_id == user_id, _table.c.confirm_time.is_not(None))


async def _one(
    session: AsyncSession, which: ColumnElement[bool], *, lock: bool
) -> SecondFactor | None:
    query = select(_table).where(which)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return SecondFactor(**row._mapping) if row else None
