"""Queries of the signing keys; private parts pass through sealed only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.storage.tables import signing_keys


@dataclass(frozen=True)
class KeptKey:
    """One row: the public part, the sealed private part, and its times."""

    kid: str
    algorithm: str
    public: bytes
    sealed_private: bytes
    sign_from: datetime
    sign_until: datetime
    publish_until: datetime


async def lock(session: AsyncSession) -> None:
    """Waits for the other replicas that make keys; held until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('accounts signing keys'))"))


async def database_time(session: AsyncSession) -> datetime:
    """Returns the time all replicas agree on."""
    now: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return now


async def published(session: AsyncSession, now: datetime) -> Sequence[KeptKey]:
    """Returns the keys whose tokens may be valid now or later, oldest first."""
    query = (
        select(signing_keys)
        .where(signing_keys.c.publish_until > now)
        .order_by(signing_keys.c.sign_from)
    )
    return [KeptKey(**row._mapping) for row in await session.execute(query)]


async def add(session: AsyncSession, key: KeptKey) -> None:
    """Stores a new key; call `lock` first."""
    await session.execute(insert(signing_keys).values(vars(key)))


async def drop_retired(session: AsyncSession, now: datetime) -> None:
    """Deletes keys that no valid token needs."""
    await session.execute(delete(signing_keys).where(signing_keys.c.publish_until <= now))
