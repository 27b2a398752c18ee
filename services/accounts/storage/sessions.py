"""Queries of signed-in browsers and of failed attempts to sign in."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, case, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.lockout import PLACE, Failures
from services.accounts.domain.people import Session
from services.accounts.storage.tables import sessions, sign_in_failures

# An open page asks for a token each minute; its row need not be written each time.
_USE_NOTED_EVERY = timedelta(minutes=1)


async def add(session: AsyncSession, values: Mapping[str, object], lasts: timedelta) -> Session:
    """Stores a new session that ends `lasts` after the database's now."""
    query = insert(sessions).values({**values, "expire_time": func.now() + lasts})
    return _session((await session.execute(query.returning(sessions))).one())


async def live(session: AsyncSession, secret_hash: bytes, idle: timedelta) -> Session | None:
    """Returns the session of a secret unless it ended or nobody used it for `idle`."""
    query = select(sessions).where(sessions.c.secret_hash == secret_hash, _alive(idle))
    row = (await session.execute(query)).first()
    return _session(row) if row else None


async def get(session: AsyncSession, session_id: UUID) -> Session | None:
    """Returns one session, ended by time or not; locks nothing."""
    row = (await session.execute(select(sessions).where(sessions.c.id == session_id))).first()
    return _session(row) if row else None


async def note_use(session: AsyncSession, session_id: UUID) -> None:
    """Remembers that the session is used, at most once a minute."""
    await session.execute(
        update(sessions)
        .where(
            sessions.c.id == session_id, sessions.c.last_use_time < func.now() - _USE_NOTED_EVERY
        )
        .values(last_use_time=func.now())
    )


async def page(
    session: AsyncSession, user_id: UUID, size: int, after: UUID | None, idle: timedelta
) -> Sequence[Session]:
    """Returns up to `size` live sessions of a user, newest first."""
    query = (
        select(sessions)
        .where(sessions.c.user_id == user_id, _alive(idle))
        .order_by(sessions.c.id.desc())
        .limit(size)
    )
    if after is not None:
        query = query.where(sessions.c.id < after)
    return [_session(row) for row in await session.execute(query)]


async def end(session: AsyncSession, secret_hash: bytes) -> Sequence[Session]:
    """Deletes and returns the session of a secret, if it is there."""
    return await _end(session, sessions.c.secret_hash == secret_hash)


async def end_one(session: AsyncSession, session_id: UUID) -> Sequence[Session]:
    """Deletes and returns one session, if it is there."""
    return await _end(session, sessions.c.id == session_id)


async def end_all(
    session: AsyncSession, user_id: UUID, *, but: UUID | None = None
) -> Sequence[Session]:
    """Deletes and returns a user's sessions, except `but`."""
    theirs = sessions.c.user_id == user_id
    return await _end(session, theirs & (sessions.c.id != but) if but else theirs)


async def drop_ended(session: AsyncSession, idle: timedelta, limit: int = 1_000) -> int:
    """Deletes up to `limit` sessions that ended by time; returns how many."""
    ended = select(sessions.c.id).where(~_alive(idle)).limit(limit)
    query = delete(sessions).where(sessions.c.id.in_(ended)).returning(sessions.c.id)
    return len((await session.execute(query)).all())


async def lock_failures(
    session: AsyncSession, keys: Sequence[str]
) -> tuple[datetime, Mapping[str, Failures]]:
    """Locks the rows of these keys, in their order, and returns them with the database's time."""
    table = sign_in_failures
    fresh = [
        {"key": key, "failures": 0, "last_time": func.now(), "blocked_until": func.now()}
        for key in sorted(set(keys))
    ]
    query = select(table).where(table.c.key.in_(keys)).order_by(table.c.key).with_for_update()
    found: dict[str, Failures] = {}
    # A row that was there may be gone by now: who signs in forgets theirs.
    while len(found) < len(fresh):
        await session.execute(upsert(table).values(fresh).on_conflict_do_nothing())
        found = {row.key: Failures(**row._mapping) for row in await session.execute(query)}
    now: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return now, found


async def put_failures(session: AsyncSession, known: Failures) -> None:
    """Writes a row that was locked before."""
    await session.execute(
        update(sign_in_failures)
        .where(sign_in_failures.c.key == known.key)
        .values(
            failures=known.failures, last_time=known.last_time, blocked_until=known.blocked_until
        )
    )


async def forgive(session: AsyncSession, keys: Sequence[str], everyone: str) -> None:
    """Forgets the failures of these keys, and one of those that all share, if they count there."""
    await forget(session, keys)
    await _take_back_one(session, everyone)


async def forget(session: AsyncSession, keys: Sequence[str]) -> None:
    """Forgets the failures of these keys."""
    await session.execute(delete(sign_in_failures).where(sign_in_failures.c.key.in_(keys)))


async def take_back(
    session: AsyncSession, keys: Sequence[str], everyone: str, at: datetime
) -> None:
    """Takes back one failure of these keys and of all; ends a wait that began with it, at `at`.

    `everyone` is empty where it did not count for all.
    """
    table = sign_in_failures
    ended = func.least(table.c.blocked_until, func.now())
    await session.execute(
        update(table)
        .where(table.c.key.in_(keys), table.c.failures > 0)
        .values(
            failures=table.c.failures - 1,
            blocked_until=case((table.c.last_time == at, ended), else_=table.c.blocked_until),
        )
    )
    await _take_back_one(session, everyone)


async def know(session: AsyncSession, place: str) -> None:
    """Remembers that an account signed in where the key of the place says."""
    table = sign_in_failures
    now = {"last_time": func.now(), "blocked_until": func.now()}
    query = upsert(table).values({"key": place, "failures": 0, **now})
    await session.execute(query.on_conflict_do_update(index_elements=[table.c.key], set_=now))


async def is_known(session: AsyncSession, place: str) -> bool:
    """Whether an account signed in there and the place is kept; locks nothing."""
    table = sign_in_failures
    found = await session.execute(select(table.c.key).where(table.c.key == place))
    return found.first() is not None


async def drop_old_failures(session: AsyncSession, older: timedelta, limit: int = 1_000) -> int:
    """Deletes up to `limit` rows that no longer count; returns how many."""
    return await _drop(session, ~sign_in_failures.c.key.startswith(PLACE), older, limit)


async def drop_old_places(session: AsyncSession, older: timedelta, limit: int = 1_000) -> int:
    """Deletes up to `limit` places where nobody signed in since; returns how many."""
    return await _drop(session, sign_in_failures.c.key.startswith(PLACE), older, limit)


async def _drop(
    session: AsyncSession, which: ColumnElement[bool], older: timedelta, limit: int
) -> int:
    table = sign_in_failures
    old = select(table.c.key).where(which, table.c.last_time < func.now() - older).limit(limit)
    query = delete(table).where(table.c.key.in_(old)).returning(table.c.key)
    return len((await session.execute(query)).all())


async def _take_back_one(session: AsyncSession, key: str) -> None:
    if not key:
        return
    table = sign_in_failures
    await session.execute(
        update(table)
        .where(table.c.key == key, table.c.failures > 0)
        .values(failures=table.c.failures - 1)
    )


async def _end(session: AsyncSession, which: ColumnElement[bool]) -> Sequence[Session]:
    ended = await session.execute(delete(sessions).where(which).returning(sessions))
    return [_session(row) for row in ended]


def _alive(idle: timedelta) -> ColumnElement[bool]:
    return (sessions.c.expire_time > func.now()) & (sessions.c.last_use_time > func.now() - idle)


def _session(row: Row[Any]) -> Session:
    return Session(**row._mapping)
