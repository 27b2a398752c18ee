"""Queries of sign-ins begun at an OpenID provider, and of who users are there."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.storage.tables import oidc_identities as identities
from services.accounts.storage.tables import oidc_sign_ins as begun


async def begin(
    session: AsyncSession, state_hash: bytes, sealed: bytes, lasts: timedelta
) -> datetime:
    """Stores a sign-in that was begun; returns when it ends."""
    values = {"state_hash": state_hash, "sealed": sealed, "expire_time": func.now() + lasts}
    made = insert(begun).values(values).returning(begun.c.expire_time)
    expire_time: datetime = (await session.execute(made)).scalar_one()
    return expire_time


async def take(session: AsyncSession, state_hash: bytes) -> bytes | None:
    """Deletes a sign-in and returns what was sealed of it; None if it has ended."""
    taken = delete(begun).where(begun.c.state_hash == state_hash, begun.c.expire_time > func.now())
    found: bytes | None = (
        await session.execute(taken.returning(begun.c.sealed))
    ).scalar_one_or_none()
    return found


async def drop_expired(session: AsyncSession, limit: int = 1_000) -> int:
    """Deletes up to `limit` that have ended by time; returns how many."""
    old = select(begun.c.state_hash).where(begun.c.expire_time <= func.now()).limit(limit)
    dropped = delete(begun).where(begun.c.state_hash.in_(old)).returning(begun.c.state_hash)
    return len((await session.execute(dropped)).all())


async def user_of(session: AsyncSession, issuer: str, subject: str) -> UUID | None:
    """Returns whose this identity is; locks nothing."""
    query = select(identities.c.user_id).where(
        identities.c.issuer == issuer, identities.c.subject == subject
    )
    found: UUID | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def linked_since(session: AsyncSession, user_id: UUID, issuer: str) -> datetime | None:
    """Returns since when a user has an identity at an issuer; locks nothing."""
    query = select(identities.c.create_time).where(
        identities.c.user_id == user_id, identities.c.issuer == issuer
    )
    found: datetime | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def link(session: AsyncSession, issuer: str, subject: str, user_id: UUID) -> bool:
    """Stores whose an identity is; False if it is somebody's, or the user has another there."""
    values = {"issuer": issuer, "subject": subject, "user_id": user_id}
    made = upsert(identities).values(values).on_conflict_do_nothing()
    return (await session.execute(made.returning(identities.c.user_id))).first() is not None


async def unlink(session: AsyncSession, user_id: UUID) -> bool:
    """Forgets who a user is anywhere; False if nothing was known."""
    gone = delete(identities).where(identities.c.user_id == user_id)
    return (await session.execute(gone.returning(identities.c.issuer))).first() is not None
