"""Queries of e-mails with links, which wait to be handed to the notifier."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.letters import Kind, State, Waiting


class Kept(NamedTuple):
    """What is known of a locked letter: `link_id` and `sealed_words` once it was written."""

    link_id: UUID | None
    sealed_words: bytes | None
    is_late: bool


async def add(session: AsyncSession, letter_id: UUID, kind: Kind, recipient: str) -> None:
    """Stores a letter to be handed over at once, unless one like it waits."""
    given = {"id": letter_id, "kind": kind.value, "recipient": recipient}
    await session.execute(_ADD, given)


async def claim(session: AsyncSession, limit: int, lease: timedelta) -> Sequence[Waiting]:
    """Returns up to `limit` that are due, and leaves them to this worker for the lease.

    Each counts as tried from now on. Skips those that another worker is claiming.
    """
    found = await session.execute(_CLAIM, {"limit": limit, "lease": lease})
    return [Waiting(row.id, Kind(row.kind), row.recipient, row.attempts) for row in found]


async def lock(session: AsyncSession, letter_id: UUID, patience: timedelta) -> Kept | None:
    """Locks and returns one that waits; late is one that waited longer than `patience`."""
    row = (await session.execute(_LOCK, {"id": letter_id, "patience": patience})).first()
    return Kept(row.link_id, row.sealed_words, row.is_late) if row else None


async def keep_words(
    session: AsyncSession, letter_id: UUID, link_id: UUID, sealed_words: bytes
) -> None:
    """Stores what a locked letter says from now on."""
    await session.execute(_KEEP, {"id": letter_id, "link": link_id, "words": sealed_words})


async def settle(
    session: AsyncSession, letter_id: UUID, state: State, reason: str = "", message_id: Any = None
) -> bool:
    """Ends one that waits, and forgets its words; False if another worker did."""
    given = {"id": letter_id, "state": state.value, "reason": reason, "message": message_id}
    return (await session.execute(_SETTLE, given)).first() is not None


async def put_off(session: AsyncSession, letter_id: UUID, wait: timedelta) -> None:
    """Has one tried again after a time."""
    await session.execute(_PUT_OFF, {"id": letter_id, "wait": wait})


async def drop(session: AsyncSession, letter_id: UUID) -> None:
    """Deletes one, with the address that was typed."""
    await session.execute(_DROP, {"id": letter_id})


async def prune(session: AsyncSession, older: timedelta, limit: int = 1_000) -> int:
    """Deletes up to `limit` that ended, of those stored longer ago; returns how many."""
    return len((await session.execute(_PRUNE, {"older": older, "limit": limit})).all())


_ADD = text("""
    INSERT INTO password_letters (id, kind, recipient) VALUES (:id, :kind, :recipient)
    ON CONFLICT (kind, recipient) WHERE state = 'waiting' DO NOTHING
""")
_CLAIM = text("""
    UPDATE password_letters
    SET attempts = attempts + 1, next_time = clock_timestamp() + CAST(:lease AS interval)
    WHERE id = ANY(ARRAY(
        SELECT id FROM password_letters
        WHERE state = 'waiting' AND next_time <= clock_timestamp()
        ORDER BY next_time
        LIMIT :limit
        FOR UPDATE SKIP LOCKED))
    RETURNING id, kind, recipient, attempts
""")
_LOCK = text("""
    SELECT link_id, sealed_words,
           create_time < clock_timestamp() - CAST(:patience AS interval) AS is_late
    FROM password_letters WHERE id = :id AND state = 'waiting'
    FOR UPDATE
""")
_KEEP = text("UPDATE password_letters SET link_id = :link, sealed_words = :words WHERE id = :id")
_SETTLE = text("""
    UPDATE password_letters
    SET state = :state, reason = :reason, message_id = CAST(:message AS uuid), sealed_words = NULL
    WHERE id = :id AND state = 'waiting'
    RETURNING 1
""")
_PUT_OFF = text("""
    UPDATE password_letters SET next_time = clock_timestamp() + CAST(:wait AS interval)
    WHERE id = :id AND state = 'waiting'
""")
_DROP = text("DELETE FROM password_letters WHERE id = :id AND state = 'waiting'")
_PRUNE = text("""
    DELETE FROM password_letters WHERE id = ANY(ARRAY(
        SELECT id FROM password_letters
        WHERE state <> 'waiting' AND create_time < now() - CAST(:older AS interval)
        LIMIT :limit
        FOR UPDATE SKIP LOCKED))
    RETURNING 1
""")
