"""Events wait here, in the transaction that made them true, until a relay has published them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import LiteralString, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import uuid_utils.compat
from google.protobuf.message import Message
from sqlalchemy import event, orm, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.db import arrays


class Class(StrEnum):
    """Each class has its own relay and stream, so that bulk facts never delay a withdrawal."""

    CONTROL = "control"
    FACTS = "facts"
    AUDIT = "audit"


@dataclass(frozen=True)
class Row:
    """One event to publish; `headers` are those known when it was written."""

    id: UUID
    subject: str
    key: str
    revision: int
    payload: bytes
    headers: Mapping[str, str]
    created_at: datetime


@dataclass(frozen=True)
class Backlog:
    """Unpublished events: how many (counted to a limit) and the age of the oldest in seconds."""

    count: int
    lag_seconds: float


class Raw(NamedTuple):
    """One event to add: what `add_raw` takes."""

    subject: str
    payload: bytes
    key: str = ""
    revision: int = 0


class NudgingSession(orm.Session):
    """Wakes the relays of this process once what was added is committed."""


async def add(
    session: AsyncSession, message: Message, *, to: Class, key: str = "", revision: int = 0
) -> UUID:
    """Announces a fact in the caller's transaction; returns the event's id.

    `key` names the resource and `revision` its version, so that a copy applies only a newer one.
    """
    subject = message.DESCRIPTOR.full_name
    payload = message.SerializeToString()
    return await add_raw(session, subject, payload, to, key=key, revision=revision)


async def add_raw(
    session: AsyncSession,
    subject: str,
    payload: bytes,
    to: Class,
    *,
    key: str = "",
    revision: int = 0,
) -> UUID:
    """As `add`, for a payload whose type the caller knows and the chassis does not."""
    (id,) = await add_many_raw(session, [Raw(subject, payload, key, revision)], to)
    return id


async def add_many(
    session: AsyncSession, events: Iterable[tuple[Message, str, int]], *, to: Class
) -> list[UUID]:
    """Announces many facts, each with its key and revision, in one statement; returns their ids."""
    facts = [
        Raw(message.DESCRIPTOR.full_name, message.SerializeToString(), key, revision)
        for message, key, revision in events
    ]
    return await add_many_raw(session, facts, to)


async def add_many_raw(session: AsyncSession, facts: Sequence[Raw], to: Class) -> list[UUID]:
    """As `add_many`, for payloads whose types the caller knows and the chassis does not."""
    if not facts:
        return []
    around = context.current()
    ids = [uuid_utils.compat.uuid7() for _ in facts]
    rows = {
        "ids": arrays.uuids(ids),
        "class": to.value,
        "subjects": arrays.texts(it.subject for it in facts),
        "keys": arrays.texts(it.key for it in facts),
        "revisions": arrays.numbers(it.revision for it in facts),
        "payloads": arrays.blobs(it.payload for it in facts),
        "request_id": around.request_id,
        "traceparent": around.traceparent,
    }
    await session.execute(_ADD_MANY, rows)
    session.info.setdefault("nudges", set()).add(to)
    return ids


async def take(session: AsyncSession, cls: Class, limit: int) -> Sequence[Row]:
    """Locks and returns the oldest unpublished events, skipping those another relay holds.

    They stay locked until the transaction ends; an empty result means nothing to do.
    """
    found = await session.execute(_TAKE, {"class": cls.value, "limit": limit})
    return [
        Row(
            id=it.id,
            subject=it.subject,
            key=it.key,
            revision=it.revision,
            payload=bytes(it.payload),
            headers=_headers(it.request_id, it.traceparent),
            created_at=it.created_at,
        )
        for it in found
    ]


async def mark_published(session: AsyncSession, ids: Sequence[UUID]) -> None:
    """Keeps the events for replay, out of the relays' sight."""
    await session.execute(_MARK, {"ids": arrays.uuids(ids)})


async def backlog(session: AsyncSession, cls: Class, limit: int = 10_000) -> Backlog:
    """What waits to be published; counts no further than `limit`."""
    found = (await session.execute(_BACKLOG, {"class": cls.value, "limit": limit})).one()
    return Backlog(count=found.waiting, lag_seconds=max(0.0, float(found.lag)))


async def prune(session: AsyncSession, keep: timedelta, limit: int = 1_000) -> int:
    """Deletes up to `limit` events published longer ago than `keep`; returns how many.

    Rows that another transaction holds are left for the next round.
    """
    deleted = await session.execute(_PRUNE, {"keep": keep, "limit": limit})
    return len(deleted.all())


def nudge(cls: Class) -> asyncio.Event:
    """Set after a commit that added events of the class; a relay waits on it and clears it."""
    loop = asyncio.get_running_loop()
    return _nudges.setdefault(loop, {}).setdefault(cls, asyncio.Event())


def _headers(request_id: str, traceparent: str) -> dict[str, str]:
    headers = {"x-request-id": request_id, "traceparent": traceparent}
    return {name: value for name, value in headers.items() if value}


@event.listens_for(NudgingSession, "after_commit")
def _wake(session: orm.Session) -> None:
    for cls in session.info.pop("nudges", ()):
        nudge(cls).set()


@event.listens_for(NudgingSession, "after_rollback")
def _forget(session: orm.Session) -> None:
    session.info.pop("nudges", None)


# An event belongs to the loop that waits on it; tests run several loops in one process.
_nudges: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Class, asyncio.Event]] = (
    WeakKeyDictionary()
)

_ADD_MANY = text("""
    INSERT INTO outbox (id, class, subject, key, revision, payload, request_id, traceparent)
    SELECT id, :class, subject, key, revision, payload, :request_id, :traceparent
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:subjects AS text[]), CAST(:keys AS text[]),
        CAST(:revisions AS bigint[]), CAST(:payloads AS bytea[])
    ) AS given (id, subject, key, revision, payload)
""")
_TAKE = text("""
    SELECT id, subject, key, revision, payload, request_id, traceparent, created_at
    FROM outbox
    WHERE class = :class AND published_at IS NULL
    ORDER BY id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
""")
_MARK = text("UPDATE outbox SET published_at = now() WHERE id = ANY(CAST(:ids AS uuid[]))")
# For `look`: whether an event of a class is unpublished, be it in another relay's hand.
WAITS: LiteralString = (
    "SELECT 1 FROM outbox WHERE class = %(class)s AND published_at IS NULL LIMIT 1"
)
_BACKLOG = text("""
    SELECT count(*) AS waiting,
           coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS lag
    FROM (
        SELECT created_at FROM outbox
        WHERE class = :class AND published_at IS NULL
        ORDER BY id
        LIMIT :limit
    ) AS unpublished
""")
_PRUNE = text("""
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox
        WHERE published_at < now() - CAST(:keep AS interval)
        ORDER BY published_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    RETURNING 1
""")
