"""Queries of customers' logins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services import addresses
from services.accounts.domain.logins import Channel, ContactLogin, Problem, State
from services.accounts.storage.tables import contact_logins as table
from services.accounts.storage.tables import deleted_contacts as deleted
from services.accounts.storage.unique import taken


@dataclass(frozen=True)
class Wanted:
    """Which logins to list; what is empty does not restrict.

    `words` are letters of a name; `address` is a part of an address, empty to look at names alone.
    """

    states: Sequence[State] = ()
    words: str = ""
    address: str = ""
    contact_ids: Sequence[UUID] = ()


async def get(session: AsyncSession, login_id: UUID, *, lock: bool = False) -> ContactLogin | None:
    """Returns one login; `lock` keeps others from changing it until the transaction ends."""
    query = select(table).where(table.c.id == login_id)
    return await _one(session, query.with_for_update() if lock else query)


async def by_address(
    session: AsyncSession, address_key: str, *, lock: bool = False
) -> ContactLogin | None:
    """Returns whoever signs in with this address."""
    query = select(table).where(table.c.address_key == address_key)
    return await _one(session, query.with_for_update() if lock else query)


async def by_contact(
    session: AsyncSession, contact_id: UUID, *, lock: bool = False
) -> ContactLogin | None:
    """Returns the login of a contact."""
    query = select(table).where(table.c.contact_id == contact_id)
    return await _one(session, query.with_for_update() if lock else query)


async def add(session: AsyncSession, values: Mapping[str, object]) -> ContactLogin | None:
    """Stores a new login; None when the contact has one or somebody else has the address."""
    query = insert(table).values({**values, "invite_time": func.now()}).on_conflict_do_nothing()
    row = (await session.execute(query.returning(table))).first()
    return _login(row) if row else None


async def change(
    session: AsyncSession, login_id: UUID, values: Mapping[str, object]
) -> ContactLogin:
    """Sets columns and raises the revision of a login that was locked before.

    Raises `AlreadyExists` for an address that somebody else signs in with.
    """
    query = update(table).where(table.c.id == login_id)
    query = query.values({**values, "revision": table.c.revision + 1})
    with taken("contact_login", "channel"):
        return _login((await session.execute(query.returning(table))).one())


async def set_password_hash(session: AsyncSession, login_id: UUID, password_hash: str) -> None:
    """Replaces the hash; nothing a reader of the login sees changes."""
    query = update(table).where(table.c.id == login_id).values(password_hash=password_hash)
    await session.execute(query)


async def note_sign_in(session: AsyncSession, login_id: UUID, now: datetime) -> None:
    """Remembers the last sign-in, without a new revision."""
    await session.execute(update(table).where(table.c.id == login_id).values(last_sign_in_time=now))


async def remove(session: AsyncSession, login_id: UUID) -> None:
    """Deletes a login with its sessions, codes and invitations."""
    await session.execute(delete(table).where(table.c.id == login_id))


async def page(
    session: AsyncSession, wanted: Wanted, size: int, after: tuple[str, UUID] | None
) -> Sequence[ContactLogin]:
    """Returns up to `size` logins by (name key, id)."""
    query = select(table).order_by(table.c.name_key, table.c.id).limit(size)
    if wanted.states:
        query = query.where(table.c.state.in_(wanted.states))
    if wanted.contact_ids:
        query = query.where(table.c.contact_id.in_(wanted.contact_ids))
    if wanted.words or wanted.address:
        found = [_is_called(wanted.words)] if wanted.words else []
        if wanted.address:
            found.append(table.c.address_key.contains(wanted.address, autoescape=True))
        query = query.where(or_(*found))
    if after is not None:
        query = query.where(tuple_(table.c.name_key, table.c.id) > after)
    return [_login(row) for row in await session.execute(query)]


def _is_called(words: str) -> ColumnElement[bool]:
    """Returns the condition that a name has these letters; one that is an address is no name."""
    named = not_(table.c.display_name.regexp_match(addresses.FORM))
    return and_(table.c.name_key.contains(words, autoescape=True), named)


async def note_deleted(session: AsyncSession, contact_id: UUID) -> None:
    """Remembers that a contact is no more, for what comes late."""
    await session.execute(insert(deleted).values(contact_id=contact_id).on_conflict_do_nothing())


async def is_deleted(session: AsyncSession, contact_id: UUID) -> bool:
    """Whether a contact is known to be no more."""
    query = select(exists().where(deleted.c.contact_id == contact_id))
    return bool((await session.execute(query)).scalar_one())


async def forget_deleted(session: AsyncSession, older: timedelta, limit: int = 1_000) -> int:
    """Forgets up to `limit` contacts that were deleted longer ago; returns how many."""
    old = select(deleted.c.contact_id).where(deleted.c.time < func.now() - older).limit(limit)
    query = delete(deleted).where(deleted.c.contact_id.in_(old)).returning(deleted.c.contact_id)
    return len((await session.execute(query)).all())


async def _one(session: AsyncSession, query: Select[Any]) -> ContactLogin | None:
    row = (await session.execute(query)).first()
    return _login(row) if row else None


def _login(row: Row[Any]) -> ContactLogin:
    kept = {name: row._mapping[name] for name in _NAMES}
    return ContactLogin(**kept | {name: kind(kept[name]) for name, kind in _KINDS.items()})


_NAMES = [it.name for it in fields(ContactLogin)]
_KINDS: Mapping[str, Any] = {
    "channel": Channel,
    "state": State,
    "problem": Problem,
    "former_keys": tuple,
}
