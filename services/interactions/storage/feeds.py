"""Queries of calendar feeds."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.feeds import Feed
from services.interactions.domain.follow_ups import Type
from services.interactions.storage.tables import feeds

_COLUMNS = tuple(feeds.c[name] for name in Feed.__dataclass_fields__)


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Feed:
    """Stores a new feed."""
    query = insert(feeds).values(values).returning(*_COLUMNS)
    return _feed((await session.execute(query)).one())


async def of_owner(session: AsyncSession, owner_id: UUID, *, lock: bool = False) -> Sequence[Feed]:
    """Returns all feeds of an owner, newest first.

    With `lock`, who adds one of the same owner waits for the end of the transaction.
    """
    if lock:
        await session.execute(_LOCK, {"owner": f"feeds:{owner_id}"})
    query = select(*_COLUMNS).where(feeds.c.owner_id == owner_id).order_by(feeds.c.id.desc())
    return [_feed(row) for row in await session.execute(query)]


async def drop(session: AsyncSession, owner_id: UUID, feed_id: UUID) -> Feed | None:
    """Deletes and returns an owner's feed; None if there is none."""
    query = (
        delete(feeds)
        .where(feeds.c.id == feed_id, feeds.c.owner_id == owner_id)
        .returning(*_COLUMNS)
    )
    row = (await session.execute(query)).first()
    return _feed(row) if row else None


async def by_token(session: AsyncSession, token_hash: bytes) -> Feed | None:
    """Returns the feed of a token."""
    query = select(*_COLUMNS).where(feeds.c.token_hash == token_hash)
    row = (await session.execute(query)).first()
    return _feed(row) if row else None


async def note_read(session: AsyncSession, feed_id: UUID, etag: str) -> Feed | None:
    """Notes what was shown now; None if the feed was revoked meanwhile.

    Writes only what tells something new: other contents, or another hour.
    """
    hour = func.date_trunc("hour", func.now())
    stale = feeds.c.last_read_time.is_distinct_from(hour) | (feeds.c.content_etag != etag)
    other = case((feeds.c.content_etag == etag, feeds.c.change_time), else_=func.now())
    await session.execute(
        update(feeds)
        .where(feeds.c.id == feed_id, stale)
        .values(last_read_time=hour, content_etag=etag, change_time=other)
    )
    row = (await session.execute(select(*_COLUMNS).where(feeds.c.id == feed_id))).first()
    return _feed(row) if row else None


def _feed(row: Row[Any]) -> Feed:
    values: dict[str, Any] = {str(name): value for name, value in row._mapping.items()}
    values["types"] = tuple(Type(it) for it in values["types"])
    return Feed(**values)


_LOCK = text("SELECT pg_advisory_xact_lock(hashtext(:owner))")
