"""Rows as the rest of the service sees them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.work import Claimed, Key


@dataclass(frozen=True, slots=True)
class Message:
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
    revision: int
    not_before: datetime | None
    created_at: datetime
    updated_at: datetime
    seq: int


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
    m.advertiser_id, m.address, m.state, m.reason, m.revision, m.not_before, m.created_at,
    m.updated_at, m.seq"""

CLAIMED_COLUMNS = """m.run_date, m.message_id, m.fence, m.attempts, m.revision, m.run_id,
    m.channel, m.purpose, m.advertiser_id, m.sender_identity_id, m.content_hash, m.address,
    m.address_key, m.time_zone, m.values, m.not_after, m.created_at"""


def message(row: Any) -> Message:
    """A row of `MESSAGE_COLUMNS`."""
    return Message(
        key=Key(row.run_date, row.message_id),
        run_id=row.run_id,
        contact_id=row.contact_id,
        channel=Channel(row.channel),
        purpose=Purpose(row.purpose),
        advertiser_id=row.advertiser_id,
        address=row.address,
        state=State(row.state),
        reason=row.reason,
        revision=row.revision,
        not_before=row.not_before,
        created_at=row.created_at,
        updated_at=row.updated_at,
        seq=row.seq,
    )


def claimed(row: Any) -> Claimed:
    """A row of `CLAIMED_COLUMNS`."""
    return Claimed(
        key=Key(row.run_date, row.message_id),
        fence=row.fence,
        attempts=row.attempts,
        revision=row.revision,
        run_id=row.run_id,
        channel=Channel(row.channel),
        purpose=Purpose(row.purpose),
        advertiser_id=row.advertiser_id,
        sender_identity_id=row.sender_identity_id,
        content_hash=row.content_hash,
        address=row.address,
        address_key=row.address_key,
        time_zone=row.time_zone,
        values=tuple(row[14]),  # `row.values` is a method of every row
        not_after=row.not_after,
        created_at=row.created_at,
    )


def columns(keys: Sequence[Key]) -> dict[str, object]:
    """Parameters `dates`, `ids` and `days` for a statement over many messages."""
    return {
        "dates": [key.run_date for key in keys],
        "ids": [key.message_id for key in keys],
        "days": days(key.run_date for key in keys),
    }


def days(dates: Iterable[date]) -> list[date]:
    """Each date once; naming them keeps a statement out of other days' partitions."""
    return sorted(set(dates))
