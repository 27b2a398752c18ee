"""What happened to a proposal, and the letters that leave."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

CUSTOMER = "customer"
"""The actor of what came by the link."""


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
        """Names the message for the notifier, which makes one of however many requests."""
        return f"proposal/{self.proposal_id}/{self.issue}/{self.kind}"
