"""Queries of customers' signed-in browsers."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.logins import ContactSession, Proof
from services.accounts.storage.tables import contact_sessions as table

# An open page asks for a token every few seconds; its row need not be written each time.
_USE_NOTED_EVERY = timedelta(minutes=1)


async def add(
    session: AsyncSession, values: Mapping[str, object], lasts: timedelta
) -> ContactSession:
    """Stores a new session that ends `lasts` after the database's now."""
    query = insert(table).values({**values, "expire_time": func.now() + lasts})
    return _session((await session.execute(query.returning(table))).one())


async def live(session: AsyncSession, secret_hash: bytes, idle: timedelta) -> ContactSession | None:
    """Returns the session of a secret unless it ended or nobody used it for `idle`."""
    query = select(table).where(table.c.secret_hash == secret_hash, _alive(idle))
    row = (await session.execute(query)).first()
    return _session(row) if row else None


async def every(session: AsyncSession, login_id: UUID, idle: timedelta) -> Sequence[ContactSession]:
    """Returns a login's sessions that have not ended, newest first."""
    query = select(table).where(table.c.login_id == login_id, _alive(idle))
    return [_session(row) for row in await session.execute(query.order_by(table.c.id.desc()))]


async def note_use(session: AsyncSession, session_id: UUID) -> None:
    """Remembers that the session is used, at most once a minute."""
    old = table.c.last_use_time < func.now() - _USE_NOTED_EVERY
    query = update(table).where(table.c.id == session_id, old).values(last_use_time=func.now())
    await session.execute(query)


async def end(session: AsyncSession, secret_hash: bytes) -> Sequence[ContactSession]:
    """Deletes and returns the session of a secret, if it is there."""
    return await _end(session, table.c.secret_hash == secret_hash)


async def end_all(
    session: AsyncSession, login_id: UUID, *, but: UUID | None = None
) -> Sequence[ContactSession]:
    """Deletes and returns a login's sessions, except `but`."""
    theirs = table.c.login_id == login_id
    return await _end(session, theirs & (table.c.id != but) if but else theirs)


async def drop_ended(session: AsyncSession, idle: timedelta, limit: int = 1_000) -> int:
    """Deletes up to `limit` sessions that ended by time; returns how many."""
    ended = select(table.c.id).where(~_alive(idle)).limit(limit)
    query = delete(table).where(table.c.id.in_(ended)).returning(table.c.id)
    return len((await session.execute(query)).all())


async def _end(session: AsyncSession, which: ColumnElement[bool]) -> Sequence[ContactSession]:
    ended = await session.execute(delete(table).where(which).returning(table))
    return [_session(row) for row in ended]


def _alive(idle: timedelta) -> ColumnElement[bool]:
    return (table.c.expire_time > func.now()) & (table.c.last_use_time > func.now() - idle)


def _session(row: Row[Any]) -> ContactSession:
    return ContactSession(**{**row._mapping, "proof": Proof(row.proof)})
