"""Rows as the rest of the service sees them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays
from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.work import Claimed, Key, Kind


class Message(NamedTuple):
    """A message as stored, without its attempts."""

    key: Key
    run_id: UUID | None
    contact_id: UUID | None
    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    address: str
    state: State
    reason: str
    rule: str
    revision: int
    not_before: datetime | None
    created_at: datetime
    updated_at: datetime
    seq: int


class Changed(NamedTuple):
    """What changed of a message, as much as its run is told of."""

    run_date: date
    message_id: UUID
    run_id: UUID | None
    state: int
    reason: str
    revision: int
    updated_at: datetime
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, as stored."""

    number: int
    provider: str
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: State | None
    answer: str
    provider_reference: str


MESSAGE_COLUMNS = """m.run_date, m.message_id, m.run_id, m.contact_id, m.channel, m.purpose,
    m.advertiser_id, m.address, m.state, m.reason, m.rule, m.revision, m.not_before, m.created_at,
    m.updated_at, m.seq"""

# What is left of a message that was let go of: its address as its key, and nothing that waits.
PAST_COLUMNS = """m.run_date, m.message_id, m.run_id, m.contact_id, m.channel, m.purpose,
    m.advertiser_id, m.address_key AS address, m.state, m.reason, m.rule, m.revision,
    NULL::timestamptz AS not_before, m.created_at, m.updated_at, m.seq"""

OF_KEYS = "m.run_date = ANY(CAST(:days AS date[])) AND m.message_id = ANY(CAST(:ids AS uuid[]))"

CHANGED_COLUMNS = """m.run_date, m.message_id, m.run_id, m.state, m.reason, m.revision,
    m.updated_at, m.rule"""

CLAIMED_COLUMNS = """m.run_date, m.message_id, m.attempts, m.address, m.address_key, m.time_zone,
    m.values, m.not_after, m.created_at"""

KIND_COLUMNS = """m.run_id, m.channel, m.purpose, m.advertiser_id, m.sender_identity_id,
    m.content_hash, m.patient"""


def message(row: Any) -> Message:
    """A row of `MESSAGE_COLUMNS`."""
    # By place, as names cost as much again as the rest.
    day, id, run_id, contact_id, channel, purpose, advertiser_id, address, state, *rest = row[:16]
    return Message(
        Key(day, id),
        run_id,
        contact_id,
        Channel(channel),
        Purpose(purpose),
        advertiser_id,
        address,
        State(state),
        *rest,
    )


def attempt(row: Any) -> Attempt:
    """A row of an attempt, wherever it was kept."""
    return Attempt(
        number=row.number,
        provider=row.provider,
        worker=row.worker,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=State(row.outcome) if row.outcome else None,
        answer=row.answer,
        provider_reference=row.provider_reference,
    )


def claimed(row: Any, claim: int, kind: Kind) -> Claimed:
    """A row that begins with `CLAIMED_COLUMNS`."""
    day, id, attempts, address, key, zone, values, not_after, created_at = row[:9]
    return Claimed(
        Key(day, id),
        claim,
        attempts,
        kind,
        address,
        key,
        zone,
        tuple(values),
        not_after,
        created_at,
    )


def kind(run_id: Any, channel: int, purpose: int, *others: Any) -> Kind:
    """`KIND_COLUMNS` of a row."""
    advertiser_id, sender_identity_id, content_hash, *patient = others
    return Kind(
        run_id,
        Channel(channel),
        Purpose(purpose),
        advertiser_id,
        sender_identity_id,
        content_hash or "",
        *patient,
    )


def columns(keys: Sequence[Key]) -> dict[str, object]:
    """Parameters `dates`, `ids` and `days` for a statement over many messages; see `OF_KEYS`."""
    return {
        "dates": arrays.dates([key.run_date for key in keys]),
        "ids": arrays.uuids([key.message_id for key in keys]),
        "days": days(key.run_date for key in keys),
    }


def days(dates: Iterable[date]) -> str:
    """Each date once; naming them keeps a statement out of other days' partitions."""
    return arrays.dates(sorted(set(dates)))


async def by_key(session: AsyncSession) -> datetime:
    """As `ask_by_key`."""
    return await db.ask(session, ask_by_key())


def ask_by_key() -> db.Ask[datetime]:
    """Has the rest of the transaction find rows by their keys, and join what it found by hashing.

    Finds the time of the transaction, which its changes have.

    A day's partition grows from nothing to millions faster than statistics follow; a plan made
    for a few rows reads all of them for every batch (measured: 4 ms a message instead of 15 µs).
    """
    return db.Ask(_BY_KEY, {}, lambda found: found[0].now)


async def through_indexes(session: AsyncSession) -> None:
    """Has the rest of the transaction read by indexes and join row by row, for small answers.

    As `by_key`, where what is joined is large and only a few of its rows are wanted.
    """
    await session.execute(_THROUGH_INDEXES)


_THROUGH_INDEXES = text("""
    SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
           set_config('enable_seqscan', 'off', true), set_config('enable_nestloop', 'on', true)
""")
_BY_KEY = text("""
    SELECT now(), set_config('enable_nestloop', 'off', true) AS nestloop,
           set_config('enable_mergejoin', 'off', true) AS mergejoin,
           set_config('enable_seqscan', 'off', true) AS seqscan
""")
