"""Messages without a run, many at once: a statement a table for all of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import NOBODY, Content, Key
from services.notifier.storage import rows


class Named(NamedTuple):
    """What a request id stands for already: the message and the request's hash."""

    key: Key
    request_hash: bytes


class New(NamedTuple):
    """A message to store, with its caller's name of it."""

    message_id: UUID
    contact_id: UUID | None
    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    sender_identity_id: UUID
    content_hash: str
    address: str
    address_key: str
    not_after: datetime
    request_id: str
    request_hash: bytes


class Caller(NamedTuple):
    """Who asked for a message, under which name."""

    subject: str
    request_id: str


async def keys_of(
    session: AsyncSession, subject: str, request_ids: Sequence[str]
) -> dict[str, Named]:
    """What these request ids of a caller stand for already.

    Holds a lock on each (caller, request id) until the transaction ends, taken in one order.
    """
    names = arrays.texts(f"message\x1f{subject}\x1f{it}" for it in sorted(set(request_ids)))
    await session.execute(_TURNS, {"names": names})
    given = {"subject": subject, "request_ids": arrays.texts(sorted(set(request_ids)))}
    return {
        row.request_id: Named(Key(row.run_date, row.message_id), bytes(row.request_hash))
        for row in await session.execute(_KEYS, given)
    }


async def add_contents(session: AsyncSession, contents: Sequence[Content]) -> None:
    """Keeps contents without files by their hashes, in one order."""
    kept = sorted({it.hash: it for it in contents}.values(), key=lambda it: it.hash)
    if kept:
        await session.execute(
            _ADD_CONTENTS,
            {
                "hashes": arrays.texts(it.hash for it in kept),
                "channels": arrays.numbers(int(it.channel) for it in kept),
                "subjects": arrays.texts(it.subject for it in kept),
                "htmls": arrays.texts(it.html for it in kept),
                "bodies": arrays.texts(it.body for it in kept),
            },
        )


async def insert(session: AsyncSession, subject: str, day: object, news: Sequence[New]) -> None:
    """Stores messages that wait patiently, and their callers' names; call `keys_of` before."""
    if not news:
        return
    given = {
        "day": day,
        "subject": subject,
        "ids": arrays.uuids(it.message_id for it in news),
        "contacts": arrays.uuids(it.contact_id or NOBODY for it in news),
        "channels": arrays.numbers(int(it.channel) for it in news),
        "purposes": arrays.numbers(int(it.purpose) for it in news),
        "advertisers": arrays.uuids(it.advertiser_id for it in news),
        "senders": arrays.uuids(it.sender_identity_id for it in news),
        "contents": arrays.texts(it.content_hash for it in news),
        "addresses": arrays.texts(it.address for it in news),
        "keys": arrays.texts(it.address_key for it in news),
        "ends": arrays.times(it.not_after for it in news),
        "request_ids": arrays.texts(it.request_id for it in news),
        "hashes": arrays.blobs(it.request_hash for it in news),
    }
    await session.execute(_INSERT, given)
    await session.execute(_WAIT, given)
    await session.execute(_REMEMBER, given)


async def get(session: AsyncSession, keys: Sequence[Key]) -> dict[UUID, rows.Message]:
    """These messages by id, also those of which little is kept."""
    given = rows.columns(keys)
    found = {row.message_id: rows.message(row) for row in await session.execute(_GET, given)}
    left = [it.message_id for it in keys if it.message_id not in found]
    if left:
        past = await session.execute(_GET_PAST, {"ids": arrays.uuids(left)})
        found |= {row.message_id: rows.message(row) for row in past}
    return found


async def callers(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Caller]:
    """Who asked for these messages, as far as it is remembered."""
    found = await session.execute(_CALLERS, {"ids": arrays.uuids(ids)})
    return {row.message_id: Caller(row.subject, row.request_id) for row in found}


# One after the other in the order of the names: two batches never wait for each other in a ring.
_TURNS = text("""
    SELECT count(pg_advisory_xact_lock(hashtextextended(name, 0)))
    FROM (
        SELECT name FROM unnest(CAST(:names AS text[])) AS given (name)
        ORDER BY hashtextextended(name, 0) OFFSET 0
    ) AS ordered
""")
_KEYS = text("""
    SELECT request_id, message_id, run_date, request_hash FROM message_keys
    WHERE subject = :subject AND request_id = ANY(CAST(:request_ids AS text[]))
""")
_ADD_CONTENTS = text("""
    INSERT INTO contents (hash, channel, subject, html, body, variables, attachments)
    SELECT hash, channel, subject, html, body, '{}', '[]'
    FROM unnest(CAST(:hashes AS text[]), CAST(:channels AS smallint[]), CAST(:subjects AS text[]),
        CAST(:htmls AS text[]), CAST(:bodies AS text[]))
        AS given (hash, channel, subject, html, body)
    ON CONFLICT (hash) DO NOTHING
""")
_INSERT = text("""
    INSERT INTO messages (run_date, channel, purpose, patient, advertiser_id, sender_identity_id,
        content_hash, not_after, message_id, contact_id, address, address_key)
    SELECT CAST(:day AS date), channel, purpose, true, advertiser_id, sender_identity_id,
        content_hash, not_after, message_id,
        nullif(given.contact_id, '00000000-0000-0000-0000-000000000000'),
        CASE WHEN e.contact_id IS NULL THEN address ELSE '' END,
        CASE WHEN e.contact_id IS NULL THEN address_key ELSE '' END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:contacts AS uuid[]), CAST(:channels AS smallint[]),
        CAST(:purposes AS smallint[]), CAST(:advertisers AS uuid[]), CAST(:senders AS uuid[]),
        CAST(:contents AS text[]), CAST(:addresses AS text[]), CAST(:keys AS text[]),
        CAST(:ends AS timestamptz[]))
        AS given (message_id, contact_id, channel, purpose, advertiser_id, sender_identity_id,
            content_hash, address, address_key, not_after)
    LEFT JOIN erased_contacts e ON e.contact_id = given.contact_id
""")
# In their order, a millionth of a second apart.
_WAIT = text("""
    INSERT INTO ready (message_id, run_date, channel, patient, due_at)
    SELECT message_id, CAST(:day AS date), channel, true,
        clock_timestamp() + place * interval '1 microsecond'
    FROM unnest(CAST(:ids AS uuid[]), CAST(:channels AS smallint[])) WITH ORDINALITY
        AS given (message_id, channel, place)
""")
_REMEMBER = text("""
    INSERT INTO message_keys (subject, request_id, request_hash, message_id, run_date)
    SELECT :subject, request_id, request_hash, message_id, CAST(:day AS date)
    FROM unnest(CAST(:request_ids AS text[]), CAST(:hashes AS bytea[]), CAST(:ids AS uuid[]))
        AS given (request_id, request_hash, message_id)
""")
_GET = text(f"""
    SELECT {rows.MESSAGE_COLUMNS} FROM messages m
    WHERE {rows.OF_KEYS}
""")  # noqa: S608 (constant columns)
_GET_PAST = text(f"""
    SELECT {rows.PAST_COLUMNS} FROM past_messages m
    WHERE m.message_id = ANY(CAST(:ids AS uuid[]))
""")  # noqa: S608
_CALLERS = text("""
    SELECT message_id, subject, request_id FROM message_keys
    WHERE message_id = ANY(CAST(:ids AS uuid[]))
""")
