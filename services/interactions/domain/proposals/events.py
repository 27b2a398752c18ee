"""What happened to a proposal, and the letters that leave."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

CUSTOMER = "customer"
"""The actor of what came by the link."""
PREFIX = "proposal"
"""Begins the names of our letters at the notifier."""


class Happened(StrEnum):
    """What an event tells of."""

    SENT = "sent"
    SEND_FAILED = "send_failed"
    VIEWED = "viewed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    COMMENTED = "commented"
    REMINDED = "reminded"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REVISED = "revised"
    LINKED = "linked"
    STAGE_MOVED = "stage_moved"
    STAGE_REFUSED = "stage_refused"
    BOUNCED = "bounced"
    FAILED = "failed"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"
    WENT = "went"
    REMINDER_LOST = "reminder_lost"
    REMINDER_IN_DOUBT = "reminder_in_doubt"


ANSWERS = (Happened.ACCEPTED, Happened.DECLINED, Happened.COMMENTED)
"""What the owner is told when the customer does it."""

LOSSES = (
    Happened.SEND_FAILED,
    Happened.BOUNCED,
    Happened.FAILED,
    Happened.SKIPPED,
    Happened.IN_DOUBT,
)
"""What the owner is told, since the customer may not have got the proposal."""


@dataclass(frozen=True)
class Event:
    """One line of a proposal's history."""

    id: UUID
    proposal_id: UUID
    time: datetime
    kind: Happened
    actor: str
    issue: int
    text: str


class Errand(StrEnum):
    """What a letter is for; a proposal has one of each kind a sending."""

    INVITATION = "invitation"
    REMINDER = "reminder"


class LetterKey(NamedTuple):
    """Which letter of which proposal."""

    proposal_id: UUID
    issue: int
    kind: Errand

    @property
    def request_id(self) -> str:
        """Names the message for the notifier, which makes one of however many requests."""
        return f"{PREFIX}/{self.proposal_id}/{self.issue}/{self.kind}"


@dataclass(frozen=True)
class Outgoing:
    """An e-mail to be handed to the notifier; the same words at each try.

    `attempts` counts this one.
    """

    id: UUID
    proposal_id: UUID
    issue: int
    kind: Errand
    address: str
    subject: str
    text: str
    html: str
    advertiser_id: UUID
    sender_identity_id: UUID
    contact_id: UUID | None
    not_after: datetime
    attempts: int

    @property
    def request_id(self) -> str:
        """Names the message for the notifier."""
        return LetterKey(self.proposal_id, self.issue, self.kind).request_id
