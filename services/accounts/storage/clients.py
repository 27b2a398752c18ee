"""Queries of API clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.clients import State
from services.accounts.domain.people import ApiClient, ClientSecret
from services.accounts.storage.tables import api_clients

# A busy program asks for a token every few minutes; its row need not be written each time.
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Filter:
    """Which clients are listed; None and an empty text leave nothing out.

    `letters` is part of a name's sort key.
    """

    letters: str = ""
    state: State | None = None
    unused_since: datetime | None = None
    expires_before: datetime | None = None


async def get(session: AsyncSession, client_id: UUID, *, lock: bool = False) -> ApiClient | None:
    """Returns one client; `lock` keeps others from changing it until the transaction ends."""
    query = select(api_clients).where(api_clients.c.id == client_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return _client(row) if row else None


async def add(
    session: AsyncSession, values: Mapping[str, object], secrets: Sequence[ClientSecret]
) -> ApiClient:
    """Stores a new client."""
    given = {**values, **_columns(secrets)}
    query = insert(api_clients).values(given).returning(api_clients)
    return _client((await session.execute(query)).one())


async def change(session: AsyncSession, client_id: UUID, values: Mapping[str, object]) -> ApiClient:
    """Sets columns and raises the revision of a client that was locked before."""
    query = (
        update(api_clients)
        .where(api_clients.c.id == client_id)
        .values({**values, "revision": api_clients.c.revision + 1})
        .returning(api_clients)
    )
    return _client((await session.execute(query)).one())


async def replace_secrets(
    session: AsyncSession, client_id: UUID, secrets: Sequence[ClientSecret]
) -> ApiClient:
    """As `change`, of the one or two secrets, the newest first."""
    return await change(session, client_id, _columns(secrets))


async def page(
    session: AsyncSession,
    size: int,
    after: tuple[str, UUID] | None,
    wanted: Filter,
    now: datetime,
) -> Sequence[tuple[str, ApiClient]]:
    """Returns up to `size` clients by (name key, id) with their name keys; a scan of them all.

    There are dozens of programs, not thousands.
    """
    query = select(api_clients).order_by(api_clients.c.name_key, api_clients.c.id).limit(size)
    if after is not None:
        query = query.where(tuple_(api_clients.c.name_key, api_clients.c.id) > after)
    query = _filtered(query, wanted, now)
    return [(row.name_key, _client(row)) for row in await session.execute(query)]


async def note_use(session: AsyncSession, client_id: UUID, digest: bytes, now: datetime) -> None:
    """Remembers that a secret was used, at most once a minute."""
    table = api_clients.c
    newest, previous = table.secret_hash == digest, table.previous_secret_hash == digest
    last, last_of_previous = table.secret_last_use_time, table.previous_last_use_time
    await session.execute(
        update(api_clients)
        .where(
            table.id == client_id,
            or_(and_(newest, _stale(last, now)), and_(previous, _stale(last_of_previous, now))),
        )
        .values(
            last_use_time=func.greatest(table.last_use_time, now),
            secret_last_use_time=case((newest, now), else_=last),
            previous_last_use_time=case((previous, now), else_=last_of_previous),
        )
    )


def _stale(last: ColumnElement[Any], now: datetime) -> ColumnElement[bool]:
    return or_(last.is_(None), last < now - _USE_NOTED_EVERY)


def _filtered(query: Select[Any], wanted: Filter, now: datetime) -> Select[Any]:
    table = api_clients.c
    alive = or_(table.expire_time.is_(None), table.expire_time > now)
    if wanted.letters:
        query = query.where(func.strpos(table.name_key, wanted.letters) > 0)
    if wanted.state is State.REVOKED:
        query = query.where(~table.active)
    elif wanted.state is not None:
        query = query.where(table.active, alive if wanted.state is State.ACTIVE else ~alive)
    if wanted.unused_since is not None:
        unused = or_(table.last_use_time.is_(None), table.last_use_time < wanted.unused_since)
        query = query.where(unused)
    if wanted.expires_before is not None:
        query = query.where(table.expire_time < wanted.expires_before)
    return query


def _columns(secrets: Sequence[ClientSecret]) -> dict[str, object]:
    newest = secrets[0]
    previous = secrets[1] if len(secrets) > 1 else None
    return {
        "secret_hash": newest.hash,
        "secret_create_time": newest.create_time,
        "secret_last_use_time": newest.last_use_time,
        "previous_secret_hash": previous.hash if previous else None,
        "previous_create_time": previous.create_time if previous else None,
        "previous_last_use_time": previous.last_use_time if previous else None,
        "previous_expire_time": previous.expire_time if previous else None,
    }


def _client(row: Row[Any]) -> ApiClient:
    return ApiClient(
        id=row.id,
        revision=row.revision,
        name=row.name,
        rights=row.rights,
        active=row.active,
        create_time=row.create_time,
        last_use_time=row.last_use_time,
        expire_time=row.expire_time,
        requests_per_minute=row.requests_per_minute,
        secrets=_secrets(row),
    )


def _secrets(row: Row[Any]) -> Sequence[ClientSecret]:
    created = row.secret_create_time or row.create_time
    newest = ClientSecret(bytes(row.secret_hash), created, row.secret_last_use_time)
    if row.previous_secret_hash is None:
        return [newest]
    previous = ClientSecret(
        bytes(row.previous_secret_hash),
        row.previous_create_time,
        row.previous_last_use_time,
        row.previous_expire_time,
    )
    return [newest, previous]
