"""What a consent says, and which purposes need one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.fields import Checks

# Only what advertises or cares needs a prior consent; a receipt or a one-time password does not,
# and a request for consent cannot.
NEEDING = frozenset({Purpose.MARKETING, Purpose.CARE})
WITHDRAWABLE = frozenset(Purpose) - {Purpose.TRANSACTIONAL}
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
