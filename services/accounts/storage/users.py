"""Queries of users, with the role that decides what they may do."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.people import Role, User
from services.accounts.storage.tables import roles, users
from services.accounts.storage.unique import taken

_ROLE = ("revision", "name", "rights", "builtin", "hidden_fields")


async def get(session: AsyncSession, user_id: UUID, *, lock: bool = False) -> User | None:
    """Returns one user; `lock` keeps others from changing it until the transaction ends."""
    query = select(users).where(users.c.id == user_id)
    return await _one(session, query.with_for_update() if lock else query)


async def by_email(session: AsyncSession, email_key: str) -> User | None:
    """Returns the user who signs in with this address; locks nothing."""
    return await _one(session, select(users).where(users.c.email_key == email_key))


async def with_role(session: AsyncSession, user_id: UUID) -> tuple[User, Role] | None:
    """Returns one user and the user's role; locks nothing."""
    query = (
        select(users, *(roles.c[name].label(f"its_role_{name}") for name in _ROLE))
        .join(roles, roles.c.id == users.c.role_id)
        .where(users.c.id == user_id)
    )
    row = (await session.execute(query)).first()
    if row is None:
        return None
    role = Role(id=row.role_id, **{name: row._mapping[f"its_role_{name}"] for name in _ROLE})
    return _user(row), role


async def exists_any(session: AsyncSession) -> bool:
    """Returns True if there is a user at all."""
    return (await session.execute(select(users.c.id).limit(1))).first() is not None


async def add(session: AsyncSession, values: Mapping[str, object]) -> User:
    """Stores a new user; raises `AlreadyExists` for an e-mail address that is taken."""
    with taken("user", "email"):
        return _user((await session.execute(insert(users).values(values).returning(users))).one())


async def change(session: AsyncSession, user_id: UUID, values: Mapping[str, object]) -> User:
    """Sets columns and raises the revision of a user that was locked before.

    Raises `AlreadyExists` for an e-mail address that is taken.
    """
    query = (
        update(users)
        .where(users.c.id == user_id)
        .values({**values, "revision": users.c.revision + 1})
        .returning(users)
    )
    with taken("user", "email"):
        return _user((await session.execute(query)).one())


async def set_password_hash(session: AsyncSession, user_id: UUID, password_hash: str) -> None:
    """Replaces the hash; nothing a reader of the user sees changes."""
    query = update(users).where(users.c.id == user_id).values(password_hash=password_hash)
    await session.execute(query)


async def note_sign_in(session: AsyncSession, user_id: UUID, now: datetime) -> None:
    """Remembers the last sign-in, without a new revision."""
    await session.execute(update(users).where(users.c.id == user_id).values(last_sign_in_time=now))


async def lock_active_of_role(session: AsyncSession, role_id: UUID) -> Sequence[UUID]:
    """Locks and returns the active users of a role, so that the last one stays."""
    query = (
        select(users.c.id)
        .where(users.c.role_id == role_id, users.c.active)
        .order_by(users.c.id)
        .with_for_update()
    )
    return list((await session.execute(query)).scalars())


async def page(
    session: AsyncSession,
    size: int,
    after: tuple[str, UUID] | None,
    *,
    include_inactive: bool,
) -> Sequence[tuple[str, User]]:
    """Returns up to `size` users by (name key, id) with their name keys."""
    query = select(users).order_by(users.c.name_key, users.c.id).limit(size)
    if not include_inactive:
        query = query.where(users.c.active)
    if after is not None:
        query = query.where(tuple_(users.c.name_key, users.c.id) > after)
    return [(row.name_key, _user(row)) for row in await session.execute(query)]


async def _one(session: AsyncSession, query: Select[Any]) -> User | None:
    row = (await session.execute(query)).first()
    return _user(row) if row else None


def _user(row: Row[Any]) -> User:
    return User(
        id=row.id,
        revision=row.revision,
        email=row.email,
        display_name=row.display_name,
        role_id=row.role_id,
        team_id=row.team_id,
        locale=row.locale,
        time_zone=row.time_zone,
        active=row.active,
        create_time=row.create_time,
        last_sign_in_time=row.last_sign_in_time,
        password_hash=row.password_hash,
    )
