"""Queries of API clients."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.people import ApiClient
from services.accounts.storage.tables import api_clients

# A busy program asks for a token every few minutes; its row need not be written each time.
_USE_NOTED_EVERY = timedelta(minutes=1)


async def get(session: AsyncSession, client_id: UUID) -> ApiClient | None:
    """Returns one client; locks nothing."""
    row = (await session.execute(select(api_clients).where(api_clients.c.id == client_id))).first()
    return _client(row) if row else None


async def add(session: AsyncSession, values: Mapping[str, object]) -> ApiClient:
    """Stores a new client."""
    query = insert(api_clients).values(values).returning(api_clients)
    return _client((await session.execute(query)).one())


async def page(
    session: AsyncSession, size: int, after: tuple[str, UUID] | None
) -> Sequence[tuple[str, ApiClient]]:
    """Returns up to `size` clients by (name key, id) with their name keys."""
    query = select(api_clients).order_by(api_clients.c.name_key, api_clients.c.id).limit(size)
    if after is not None:
        query = query.where(tuple_(api_clients.c.name_key, api_clients.c.id) > after)
    return [(row.name_key, _client(row)) for row in await session.execute(query)]


async def revoke(session: AsyncSession, client_id: UUID) -> bool:
    """Ends a client's use; returns False if it was ended before."""
    query = (
        update(api_clients)
        .where(api_clients.c.id == client_id, api_clients.c.active)
        .values(active=False)
        .returning(api_clients.c.id)
    )
    return (await session.execute(query)).first() is not None


async def note_use(session: AsyncSession, client_id: UUID, now: datetime) -> None:
    """Remembers that the client asked for a token, at most once a minute."""
    last = api_clients.c.last_use_time
    await session.execute(
        update(api_clients)
        .where(
            api_clients.c.id == client_id,
            or_(last.is_(None), last < now - _USE_NOTED_EVERY),
        )
        .values(last_use_time=func.greatest(last, now))
    )


def _client(row: Row[Any]) -> ApiClient:
    return ApiClient(
        id=row.id,
        name=row.name,
        rights=row.rights,
        active=row.active,
        create_time=row.create_time,
        last_use_time=row.last_use_time,
        expire_time=row.expire_time,
        secret_hash=bytes(row.secret_hash),
    )
