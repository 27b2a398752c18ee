"""Takes people out of the tables: rows that figures count stay, without what names anybody."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays
from services.notifier.domain.states import Channel

_SECONDS = 300.0


class Held(NamedTuple):
    """A row under an address: its id, where it has one."""

    id: UUID | None
    channel: Channel
    address_key: str


async def note(session: AsyncSession, contact_ids: Collection[UUID]) -> None:
    """Remembers who was erased: what comes of them later is stored without address and values."""
    await session.execute(_NOTE, {"contacts": arrays.uuids(contact_ids)})


async def any_erased(session: AsyncSession, contact_ids: Collection[UUID]) -> bool:
    """Whether somebody among them was erased; locks nothing."""
    given = {"contacts": arrays.uuids(contact_ids)}
    return bool(await session.scalar(_ANY, given))


def ask_any_erased(contact_ids: Collection[UUID]) -> db.Ask[bool]:
    """As `any_erased`, to be sent with other questions."""
    given = {"contacts": arrays.uuids(contact_ids)}
    return db.Ask(_ANY, given, lambda rows: bool(rows[0][0]))


async def blank_messages(
    session: AsyncSession,
    contact_ids: Collection[UUID],
    address_keys: Collection[str],
    message_ids: Collection[UUID] = (),
) -> tuple[int, Sequence[str]]:
    """Empties messages of contacts, to addresses and by id, with what providers said of them.

    Returns how many messages, and the contents that messages of theirs without a run had.
    """
    await db.allow(session, _SECONDS)
    given = _given(contact_ids, address_keys)
    wanted = {**given, "messages": arrays.uuids(message_ids)}
    rows = (await session.execute(_MESSAGES, wanted)).all()
    ids = arrays.uuids({it.message_id for it in rows})
    blanked = await _count(session, _BLANK, {"ids": ids})
    blanked += await _count(session, _BLANK_PAST, given)
    await session.execute(_BLANK_ATTEMPTS, {"ids": ids})
    await session.execute(_BLANK_RECEIPTS, {"ids": ids})
    if blanked:
        await session.execute(_DROP_CAPS, {"ids": ids})
    return blanked, sorted({it.content_hash for it in rows if it.content_hash and not it.run_id})


async def drop_contents(
    session: AsyncSession, hashes: Collection[str], contact_ids: Collection[UUID]
) -> int:
    """Deletes contents that were written for these contacts alone, with their attachments."""
    if not hashes:
        return 0
    given = {"hashes": arrays.texts(hashes), "contacts": arrays.uuids(contact_ids)}
    rows = (await session.execute(_DROP_CONTENTS, given)).all()
    files = {it["hash"] for row in rows for it in row.attachments}
    if files:
        await session.execute(_DROP_ATTACHMENTS, {"hashes": arrays.texts(files)})
    return len(rows)


async def empty_contents(session: AsyncSession, pattern: str) -> int:
    """Empties what was written to others and has a match, once it was sent; returns how many."""
    return await _count(session, _EMPTY_CONTENTS, {"pattern": pattern})


async def waiting_contents(session: AsyncSession, pattern: str) -> int:
    """Returns how many such are still to be sent."""
    return int(await session.scalar(_WAITING_CONTENTS, {"pattern": pattern}) or 0)


async def suppressions(
    session: AsyncSession, contact_ids: Collection[UUID], address_keys: Collection[str]
) -> list[Held]:
    """The suppressions of contacts and addresses that have an address, locked."""
    found = await session.execute(_SUPPRESSIONS, _given(contact_ids, address_keys))
    return [Held(it.id, Channel(it.channel), it.address_key) for it in found]


async def hash_suppressions(
    session: AsyncSession, held: Sequence[Held], hashes: Sequence[str]
) -> None:
    """Puts the hash in place of the address; of two under one hash that stays which ends later."""
    for it, hashed in zip(held, hashes, strict=True):
        changed = await _count(session, _HASH_SUPPRESSION, {"id": it.id, "hash": hashed})
        if not changed:
            await session.execute(_MERGE_SUPPRESSION, {"id": it.id, "hash": hashed})
            await session.execute(_DROP_SUPPRESSION, {"id": it.id})


async def untie_suppressions(session: AsyncSession, contact_ids: Collection[UUID]) -> None:
    """Takes contacts, and what they said, out of suppressions that stay as they are."""
    await session.execute(_UNTIE_SUPPRESSIONS, {"contacts": arrays.uuids(contact_ids)})


async def requests(session: AsyncSession, address_keys: Collection[str]) -> list[Held]:
    """Who was asked for consent, of these addresses; locked."""
    found = await session.execute(_REQUESTS, {"keys": arrays.texts(address_keys)})
    return [Held(None, Channel(it.channel), it.address_key) for it in found]


async def hash_requests(session: AsyncSession, held: Sequence[Held], hashes: Sequence[str]) -> None:
    """Puts the hash in place of the address, so that nobody is asked a second time."""
    for it, hashed in zip(held, hashes, strict=True):
        given = {"channel": int(it.channel), "key": it.address_key, "hash": hashed}
        if not await _count(session, _HASH_REQUEST, given):
            await session.execute(_DROP_REQUEST, given)


async def drop_agreements(
    session: AsyncSession, contact_ids: Collection[UUID], address_keys: Collection[str]
) -> list[UUID]:
    """Deletes what was agreed with them; returns the ids."""
    found = await session.execute(_DROP_AGREEMENTS, _given(contact_ids, address_keys))
    return list(found.scalars())


async def drop_notes(session: AsyncSession, address_keys: Collection[str]) -> int:
    """Deletes consents given again and whose refusal was confirmed; returns how many."""
    given = {"keys": arrays.texts(address_keys)}
    return await _count(session, _DROP_REGAINED, given) + await _count(
        session, _DROP_CONFIRMATIONS, given
    )


async def late(session: AsyncSession, limit: int) -> int:
    """Empties what came of erased people since: answers and reports of lately; returns 0.

    For the housekeeping: a report may come days after its mail.
    """
    recent = list((await session.execute(_RECENT, {"limit": limit})).scalars())
    if recent:
        await blank_messages(session, recent, [])
    return 0


def _given(contact_ids: Collection[UUID], address_keys: Collection[str]) -> dict[str, object]:
    return {"contacts": arrays.uuids(contact_ids), "keys": arrays.texts(address_keys)}


async def _count(session: AsyncSession, statement: Any, given: dict[str, Any]) -> int:
    done: CursorResult[Any] = await session.execute(statement, given)  # type: ignore[assignment]
    return done.rowcount


_NOTE = text("""
    INSERT INTO erased_contacts (contact_id)
    SELECT unnest(CAST(:contacts AS uuid[])) ON CONFLICT DO NOTHING
""")
_ANY = text("""
    SELECT EXISTS (SELECT 1 FROM erased_contacts WHERE contact_id = ANY(CAST(:contacts AS uuid[])))
""")
_RECENT = text("""
    SELECT contact_id FROM erased_contacts WHERE create_time > now() - interval '35 days'
    ORDER BY create_time DESC LIMIT :limit
""")
_MESSAGES = text("""
    SELECT message_id, run_id, content_hash FROM messages
    WHERE contact_id = ANY(CAST(:contacts AS uuid[]))
    UNION
    SELECT message_id, run_id, content_hash FROM messages
    WHERE address_key = ANY(CAST(:keys AS text[])) AND address_key <> ''
    UNION
    SELECT message_id, run_id, content_hash FROM messages
    WHERE message_id = ANY(CAST(:messages AS uuid[]))
""")
_BLANK = text("""
    UPDATE messages SET address = '', address_key = '', values = '{}', answer = ''
    WHERE message_id = ANY(CAST(:ids AS uuid[]))
      AND (address <> '' OR address_key <> '' OR values <> '{}' OR answer <> '')
""")
_BLANK_PAST = text("""
    UPDATE past_messages SET address_key = ''
    WHERE address_key <> '' AND (contact_id = ANY(CAST(:contacts AS uuid[]))
        OR address_key = ANY(CAST(:keys AS text[])))
""")
_BLANK_ATTEMPTS = text("""
    UPDATE attempts SET answer = '' WHERE message_id = ANY(CAST(:ids AS uuid[])) AND answer <> ''
""")
_BLANK_RECEIPTS = text("""
    UPDATE receipts SET detail = '' WHERE message_id = ANY(CAST(:ids AS uuid[])) AND detail <> ''
""")
# What counts of the hash of an address; messages that went straight count by their own rows.
_DROP_CAPS = text("DELETE FROM caps WHERE message_id = ANY(CAST(:ids AS uuid[]))")
# What was written for one person has a content of its own; a template's is shared by its run.
_DROP_CONTENTS = text("""
    DELETE FROM contents c WHERE c.hash = ANY(CAST(:hashes AS text[]))
      AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.content_hash = c.hash)
      AND NOT EXISTS (
        SELECT 1 FROM messages m WHERE m.content_hash = c.hash AND m.address <> ''
          AND (m.contact_id IS NULL OR m.contact_id <> ALL(CAST(:contacts AS uuid[]))))
    RETURNING c.attachments
""")
# Mails to colleagues; what a run sends has places for names instead.
_EMPTY_CONTENTS = text("""
    UPDATE contents c SET subject = '', html = '', body = ''
    WHERE concat_ws(chr(10), c.subject, c.html, c.body) ~* :pattern
      AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.content_hash = c.hash)
      AND NOT EXISTS (SELECT 1 FROM messages m
                      WHERE m.content_hash = c.hash
                        AND (m.contact_id IS NOT NULL OR m.state IN (1, 2, 3)))
""")
_WAITING_CONTENTS = text("""
    SELECT count(*) FROM contents c
    WHERE concat_ws(chr(10), c.subject, c.html, c.body) ~* :pattern
      AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.content_hash = c.hash)
      AND NOT EXISTS (SELECT 1 FROM messages m
                      WHERE m.content_hash = c.hash AND m.contact_id IS NOT NULL)
      AND EXISTS (SELECT 1 FROM messages m
                  WHERE m.content_hash = c.hash AND m.state IN (1, 2, 3))
""")
_DROP_ATTACHMENTS = text("""
    DELETE FROM attachments a WHERE a.hash = ANY(CAST(:hashes AS text[]))
      AND NOT EXISTS (SELECT 1 FROM contents c
        WHERE c.attachments @> jsonb_build_array(jsonb_build_object('hash', a.hash)))
""")
_SUPPRESSIONS = text("""
    SELECT id, channel, address_key FROM suppressions
    WHERE address_key NOT LIKE 'erased:%' AND (contact_id = ANY(CAST(:contacts AS uuid[]))
        OR address_key = ANY(CAST(:keys AS text[])))
    ORDER BY id FOR UPDATE
""")
_HASH_SUPPRESSION = text("""
    UPDATE suppressions s
    SET address = '', address_key = :hash, evidence = '', contact_id = NULL
    WHERE s.id = :id AND NOT EXISTS (
        SELECT 1 FROM suppressions t WHERE t.address_key = :hash AND t.channel = s.channel
          AND t.advertiser_id = s.advertiser_id AND t.purpose = s.purpose)
""")
_MERGE_SUPPRESSION = text("""
    UPDATE suppressions t
    SET expires_at = CASE WHEN s.expires_at IS NULL OR t.expires_at IS NULL THEN NULL
                     ELSE greatest(s.expires_at, t.expires_at) END
    FROM suppressions s
    WHERE s.id = :id AND t.address_key = :hash AND t.channel = s.channel
      AND t.advertiser_id = s.advertiser_id AND t.purpose = s.purpose
""")
_UNTIE_SUPPRESSIONS = text("""
    UPDATE suppressions SET contact_id = NULL, evidence = ''
    WHERE contact_id = ANY(CAST(:contacts AS uuid[]))
""")
_DROP_SUPPRESSION = text("DELETE FROM suppressions WHERE id = :id")
_REQUESTS = text("""
    SELECT channel, address_key FROM consent_requests
    WHERE address_key = ANY(CAST(:keys AS text[])) ORDER BY address_key FOR UPDATE
""")
_HASH_REQUEST = text("""
    UPDATE consent_requests r SET address_key = :hash
    WHERE r.address_key = :key AND r.channel = :channel AND NOT EXISTS (
        SELECT 1 FROM consent_requests t WHERE t.address_key = :hash AND t.channel = :channel)
""")
_DROP_REQUEST = text("""
    DELETE FROM consent_requests WHERE address_key = :key AND channel = :channel
""")
_DROP_AGREEMENTS = text("""
    DELETE FROM agreements WHERE contact_id = ANY(CAST(:contacts AS uuid[]))
        OR address_key = ANY(CAST(:keys AS text[]))
    RETURNING id
""")
_DROP_REGAINED = text("DELETE FROM regained WHERE address_key = ANY(CAST(:keys AS text[]))")
_DROP_CONFIRMATIONS = text("""
    DELETE FROM confirmations WHERE address_key = ANY(CAST(:keys AS text[]))
""")
