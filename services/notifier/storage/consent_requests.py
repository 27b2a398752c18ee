"""Who was asked for consent: one request ever to an address, counted like caps are."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.notifier.domain.states import Channel
from services.notifier.domain.work import Claimed


class Unanswered(NamedTuple):
    """A request whose time to be answered has passed."""

    address_key: str
    channel: Channel
    advertiser_id: UUID
    message_id: UUID


async def reserve(
    session: AsyncSession, channel: Channel, messages: Sequence[Claimed], now: datetime
) -> set[UUID]:
    """Notes the requests; returns those that may go, the first of each address.

    Locks the addresses, in order. One that was noted already stays so, under its new claim.
    """
    given = {**_columns(messages), "channel": int(channel), "now": now}
    return {row.message_id for row in await session.execute(_RESERVE, given)}


async def asked(session: AsyncSession, channel: Channel, address_keys: Sequence[str]) -> set[str]:
    """The addresses that were asked before; notes nothing."""
    given = {"channel": int(channel), "keys": arrays.texts(address_keys)}
    return {row.address_key for row in await session.execute(_ASKED, given)}


async def release(session: AsyncSession, messages: Iterable[Claimed]) -> None:
    """Forgets requests that were not sent, each if its own claim noted it."""
    held = list(messages)
    if held:
        await session.execute(_RELEASE, _columns(held))


async def unanswered(session: AsyncSession, after: timedelta, limit: int) -> list[Unanswered]:
    """Settles requests sent longer ago than `after`; returns those that nobody agreed to.

    One whose message was never sent is forgotten instead. Passes over locked ones.
    """
    found = await session.execute(_DUE, {"after": after, "limit": limit})
    return [
        Unanswered(row.address_key, Channel(row.channel), row.advertiser_id, row.message_id)
        for row in found
        if row.sent and not row.agreed
    ]


def _columns(messages: Sequence[Claimed]) -> dict[str, object]:
    # The first of an address only: a statement notes one, and the others may not go anyway.
    first = {it.address_key: it for it in reversed(messages)}
    ordered = [first[key] for key in sorted(first)]
    return {
        "keys": arrays.texts([it.address_key for it in ordered]),
        "advertisers": arrays.uuids([it.kind.advertiser_id for it in ordered]),
        "ids": arrays.uuids([it.key.message_id for it in ordered]),
        "claims": arrays.numbers([it.claim for it in ordered]),
    }


_RESERVE = text("""
    INSERT INTO consent_requests AS r (address_key, channel, advertiser_id, message_id, claim,
        asked_at)
    SELECT g.key, :channel, g.advertiser, g.id, g.claim, :now
    FROM unnest(CAST(:keys AS text[]), CAST(:advertisers AS uuid[]), CAST(:ids AS uuid[]),
        CAST(:claims AS bigint[])) AS g (key, advertiser, id, claim)
    ORDER BY g.key
    ON CONFLICT (address_key, channel) DO UPDATE
    SET claim = excluded.claim, asked_at = excluded.asked_at
    WHERE r.message_id = excluded.message_id
    RETURNING message_id
""")
_ASKED = text("""
    SELECT address_key FROM consent_requests
    WHERE address_key = ANY(CAST(:keys AS text[])) AND channel = :channel
""")
_RELEASE = text("""
    DELETE FROM consent_requests r
    USING unnest(CAST(:keys AS text[]), CAST(:ids AS uuid[]), CAST(:claims AS bigint[]))
        AS g (key, id, claim)
    WHERE r.address_key = g.key AND r.message_id = g.id AND r.claim = g.claim
      AND r.settled_at IS NULL
""")
# A message that waits keeps its request open; one that ended unsent was never a request; one
# whose partition was dropped was sent.
_DUE = text("""
    WITH due AS MATERIALIZED (
        SELECT r.address_key, r.channel, r.advertiser_id, r.message_id, r.asked_at,
            coalesce(m.state, 8) IN (7, 8, 9, 10, 12) AS sent
        FROM consent_requests r
        LEFT JOIN LATERAL (SELECT state FROM messages
                           WHERE message_id = r.message_id LIMIT 1) AS m ON true
        WHERE r.settled_at IS NULL AND r.asked_at < now() - CAST(:after AS interval)
          AND coalesce(m.state, 8) NOT IN (1, 2, 3)
        ORDER BY r.asked_at
        LIMIT :limit
        FOR UPDATE OF r SKIP LOCKED
    ), settled AS (
        UPDATE consent_requests r SET settled_at = now()
        FROM due
        WHERE r.address_key = due.address_key AND r.channel = due.channel AND due.sent
    ), unsent AS (
        DELETE FROM consent_requests r
        USING due
        WHERE r.address_key = due.address_key AND r.channel = due.channel AND NOT due.sent
    )
    SELECT d.address_key, d.channel, d.advertiser_id, d.message_id, d.sent,
        EXISTS (SELECT 1 FROM regained g
                WHERE g.address_key = d.address_key AND g.channel = d.channel AND g.purpose = 1
                  AND g.advertiser_id = d.advertiser_id AND g.given_at > d.asked_at) AS agreed
    FROM due d
""")
