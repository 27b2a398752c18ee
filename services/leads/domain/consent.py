"""What a consent says, and which purposes need one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.fields import Checks

# Only what advertises or cares needs a prior consent; a receipt or a one-time password does not,
# and a request for consent cannot.
NEEDING = frozenset({Purpose.MARKETING, Purpose.CARE})
# Clocks of two machines differ; what is later than this is wrong.
_AHEAD = timedelta(minutes=5)


class Action(IntEnum):
    """Whether an entry of the ledger gives or withdraws."""

    GIVEN = 1
    WITHDRAWN = 2


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the ledger.

    Of a withdrawal, no advertiser means every one, and no purpose every one but TRANSACTIONAL.
    """

    id: UUID
    contact_id: UUID
    advertiser_id: UUID | None
    purpose: Purpose | None
    channel: Channel
    action: Action
    time: datetime
    method: str
    evidence: str
    actor: str
    record_time: datetime


@dataclass(slots=True, kw_only=True)
class Grant:
    """What a person agreed to at once: an entry for each of its purposes and channels.

    Nobody changes it; but to freeze what is made for every row costs an import time.
    """

    id: UUID
    contact_id: UUID
    advertiser_id: UUID
    purposes: tuple[Purpose, ...]
    channels: tuple[Channel, ...]
    time: datetime
    method: str
    evidence: str
    actor: str
    record_time: datetime

    def entries(self) -> list[Entry]:
        """Return it as the ledger lists it."""
        scopes = [(purpose, channel) for purpose in self.purposes for channel in self.channels]
        return [
            Entry(
                id=entry_id(self.id, place),
                contact_id=self.contact_id,
                advertiser_id=self.advertiser_id,
                purpose=purpose,
                channel=channel,
                action=Action.GIVEN,
                time=self.time,
                method=self.method,
                evidence=self.evidence,
                actor=self.actor,
                record_time=self.record_time,
            )
            for place, (purpose, channel) in enumerate(scopes)
        ]


# Four bits of a grant's id tell its entries apart.
_MOST_SCOPES = 16


def grant_id(new: UUID) -> UUID:
    """Return an id that leaves room for those of the entries."""
    return UUID(int=new.int - new.int % _MOST_SCOPES)


def entry_id(grant: UUID, place: int) -> UUID:
    """Return the id of a grant's entry by its place."""
    return UUID(int=grant.int + place) if place else grant


def cells(purposes: int, channels: int) -> int:
    """Return which (purpose, channel) pairs two sets of bits (1 << number) stand for.

    The bit of a pair is purpose + 8 * (channel - 1); bit 0 of the purposes, which only
    withdrawals have, is every purpose but TRANSACTIONAL.
    """
    each = _ALL_BUT_TRANSACTIONAL if purposes & 1 else purposes
    return each * (((channels >> 1) & 1) | (((channels >> 2) & 1) << 8))


def bits(numbers: Iterable[int]) -> int:
    """Return numbers as a set of bits."""
    found = 0
    for it in numbers:
        found |= 1 << it
    return found


_ALL_BUT_TRANSACTIONAL = 0xFF - (1 << Purpose.TRANSACTIONAL)


@dataclass(frozen=True, kw_only=True)
class GivenDraft:
    """A consent as somebody reports it."""

    contact_id: str
    advertiser_id: str
    purpose: int
    channel: int
    time: datetime | None
    method: str
    evidence: str


def check_given(draft: GivenDraft, *, entry_id: UUID, actor: str, now: datetime) -> Entry:
    """Return the ledger's entry; raises `InvalidArgument` naming each bad field."""
    checks = Checks("entry.")
    contact_id = checks.id("contact_id", draft.contact_id)
    advertiser_id = checks.id("advertiser_id", draft.advertiser_id)
    purpose = checks.needed("purpose", draft.purpose, Purpose)
    channel = checks.needed("channel", draft.channel, Channel)
    method = checks.line("method", draft.method, 80, required=True)
    evidence = checks.line("evidence", draft.evidence, 500, required=True)
    time = checks.time("time", draft.time)
    if time > now + _AHEAD:
        checks.wrong("time", "lies in the future")
    checks.finish()
    return Entry(
        id=entry_id,
        contact_id=contact_id,
        advertiser_id=advertiser_id,
        purpose=purpose,
        channel=channel,
        action=Action.GIVEN,
        time=min(time, now),
        method=method,
        evidence=evidence,
        actor=actor,
        record_time=now,
    )


@dataclass(frozen=True, kw_only=True)
class WithdrawnDraft:
    """A withdrawal as somebody reports it."""

    contact_id: str
    advertiser_id: str = ""
    purpose: int = 0
    channel: int
    method: str = ""
    evidence: str = ""


def check_withdrawn(draft: WithdrawnDraft, *, entry_id: UUID, actor: str, now: datetime) -> Entry:
    """Return the ledger's entry; raises `InvalidArgument` naming each bad field."""
    checks = Checks()
    contact_id = checks.id("contact_id", draft.contact_id)
    advertiser_id = checks.uuid("advertiser_id", draft.advertiser_id)
    purpose = checks.choice("purpose", draft.purpose, Purpose)
    channel = checks.needed("channel", draft.channel, Channel)
    method = checks.line("method", draft.method, 80)
    evidence = checks.line("evidence", draft.evidence, 500)
    checks.finish()
    return Entry(
        id=entry_id,
        contact_id=contact_id,
        advertiser_id=advertiser_id,
        purpose=purpose,
        channel=channel,
        action=Action.WITHDRAWN,
        time=now,
        method=method,
        evidence=evidence,
        actor=actor,
        record_time=now,
    )
