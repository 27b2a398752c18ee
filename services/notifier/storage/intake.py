"""New messages: each key at most once, however often it is brought."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import NOBODY, Key
from services.notifier.storage.runs import Told


class New(NamedTuple):
    """One recipient of a chunk; `values` are in the order of the run's variables."""

    message_id: UUID
    contact_id: UUID | None
    address: str
    address_key: str
    time_zone: str
    locale: str
    values: Sequence[str]


class Shared(NamedTuple):
    """What the messages of a chunk have in common; a run keeps sender and content for them."""

    run_date: date
    run_id: UUID | None
    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    sender_identity_id: UUID | None
    content_hash: str | None
    not_after: datetime | None

    @classmethod
    def of_run(cls, told: Told) -> "Shared":
        """What messages of a run have in common besides what the run keeps for them."""
        return cls(
            run_date=told.run_date,
            run_id=told.run_id,
            channel=told.channel,
            purpose=told.purpose,
            advertiser_id=told.advertiser_id,
            sender_identity_id=None,
            content_hash=None,
            not_after=told.not_after,
        )


async def insert(session: AsyncSession, shared: Shared, news: Sequence[New], after: int) -> int:
    """Inserts those whose key is new and returns how many; their places in line follow `after`."""
    parameters = {
        **shared._asdict(),
        "channel": int(shared.channel),
        "purpose": int(shared.purpose),
        "after": after,
        "ids": arrays.uuids([it.message_id for it in news]),
        "contacts": arrays.uuids([it.contact_id or NOBODY for it in news]),
        "addresses": arrays.texts([it.address for it in news]),
        "keys": arrays.texts([it.address_key for it in news]),
        "zones": arrays.texts([it.time_zone for it in news]),
        "locales": arrays.texts([it.locale for it in news]),
        "lists": arrays.texts([arrays.texts(it.values) for it in news]),
    }
    inserted = await session.execute(_INSERT, parameters)
    return inserted.rowcount  # type: ignore[attr-defined, no-any-return]


async def wait(session: AsyncSession, key: Key, channel: Channel) -> None:
    """Has a message without a run claimed as soon as somebody can."""
    given = {"day": key.run_date, "id": key.message_id, "channel": int(channel)}
    await session.execute(_WAIT, given)


async def key_of(session: AsyncSession, subject: str, request_id: str) -> tuple[Key, bytes] | None:
    """The message a caller's request id stands for and the request's hash.

    Holds a lock on (caller, request id) until the transaction ends.
    """
    await session.execute(_TURN, {"key": f"message\x1f{subject}\x1f{request_id}"})
    found = (await session.execute(_KEY, {"subject": subject, "request_id": request_id})).first()
    return (Key(found.run_date, found.message_id), bytes(found.request_hash)) if found else None


async def remember_key(
    session: AsyncSession, subject: str, request_id: str, request_hash: bytes, key: Key
) -> None:
    """Notes which message a request id stands for; call `key_of` before."""
    row = {
        "subject": subject,
        "request_id": request_id,
        "request_hash": request_hash,
        "message_id": key.message_id,
        "run_date": key.run_date,
    }
    await session.execute(_REMEMBER, row)


async def forget_keys(session: AsyncSession, limit: int = 1_000) -> int:
    """Deletes keys older than any caller retries (35 days); returns how many."""
    return len((await session.execute(_FORGET, {"limit": limit})).all())


_INSERT = text("""
    INSERT INTO messages (run_date, run_id, seq, channel, purpose, advertiser_id,
        sender_identity_id, content_hash, not_after, message_id, contact_id, address, address_key,
        time_zone, locale, values)
    SELECT CAST(:run_date AS date), CAST(:run_id AS uuid), :after + n.place,
        CAST(:channel AS smallint), CAST(:purpose AS smallint), CAST(:advertiser_id AS uuid),
        CAST(:sender_identity_id AS uuid), CAST(:content_hash AS text),
        CAST(:not_after AS timestamptz), n.message_id,
        nullif(n.contact_id, '00000000-0000-0000-0000-000000000000'),
        CASE WHEN e.contact_id IS NULL THEN n.address ELSE '' END,
        CASE WHEN e.contact_id IS NULL THEN n.address_key ELSE '' END,
        n.time_zone, n.locale,
        CASE WHEN e.contact_id IS NULL THEN CAST(n.list AS text[]) ELSE '{}' END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:contacts AS uuid[]), CAST(:addresses AS text[]),
        CAST(:keys AS text[]), CAST(:zones AS text[]), CAST(:locales AS text[]),
        CAST(:lists AS text[])) WITH ORDINALITY
        AS n (message_id, contact_id, address, address_key, time_zone, locale, list, place)
    LEFT JOIN erased_contacts e ON e.contact_id = n.contact_id
    ON CONFLICT (message_id, run_date) DO NOTHING
""")
_WAIT = text("""
    INSERT INTO ready (message_id, run_date, channel, due_at)
    VALUES (:id, :day, :channel, clock_timestamp())
""")
_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_KEY = text("""
    SELECT message_id, run_date, request_hash FROM message_keys
    WHERE subject = :subject AND request_id = :request_id
""")
_REMEMBER = text("""
    INSERT INTO message_keys (subject, request_id, request_hash, message_id, run_date)
    VALUES (:subject, :request_id, :request_hash, :message_id, :run_date)
""")
_FORGET = text("""
    DELETE FROM message_keys WHERE (subject, request_id) IN (
        SELECT subject, request_id FROM message_keys
        WHERE created_at < now() - interval '35 days'
        LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING 1
""")
