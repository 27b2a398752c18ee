"""What a worker holds of a message between claim and outcome."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.notifier.domain.states import Channel, Purpose

NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Key:
    """A message's whole key: its id and the date that says where it is kept."""

    run_date: date
    message_id: UUID


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed message as stored; `fence` proves the claim."""

    key: Key
    fence: int
    attempts: int
    revision: int
    run_id: UUID | None
    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    sender_identity_id: UUID
    content_hash: str
    address: str
    address_key: str
    time_zone: str
    values: tuple[str, ...]
    not_after: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run."""

    run_id: UUID
    run_date: date
    epoch: int
    state: str
    channel: Channel
    weight: int
    max_per_second: int
    not_after: datetime | None
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom a message comes from: the identity and its advertiser."""

    identity_id: UUID
    advertiser_id: UUID
    channel: Channel
    address: str
    display_name: str
    reply_to: str
    expires_at: datetime | None
    advertiser_name: str
    postal_address: str


@dataclass(frozen=True, slots=True)
class Content:
    """What is rendered; never changes under its hash."""

    hash: str
    channel: Channel
    subject: str
    html: str
    body: str
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A suppression as gates read it; advertiser NOBODY is every one, purpose 0 all but one."""

    version: int
    channel: Channel
    address_key: str
    advertiser_id: UUID
    purpose: int

    def covers(self, message: Claimed) -> bool:
        """Whether it forbids `message`."""
        if (self.channel, self.address_key) != (message.channel, message.address_key):
            return False
        if self.advertiser_id not in (NOBODY, message.advertiser_id):
            return False
        if self.purpose == 0:
            return message.purpose is not Purpose.TRANSACTIONAL
        return self.purpose == message.purpose


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready for the wire: the bytes of a mail, or the parts of an SMS.

    `suppression_version` and `epoch` are what the gates saw; `claimed_until` is when the claim
    ends, in seconds of this machine's own clock.
    """

    claimed: Claimed
    sender: str
    payload: bytes
    parts: tuple[bytes, ...]
    data_coding: int
    joined: bool
    suppression_version: int
    epoch: int
    claimed_until: float


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A prepared message with an open attempt: `sender` is the envelope's or the brand name."""

    prepared: Prepared
    number: int

    @property
    def claimed(self) -> Claimed:
        """The message as claimed."""
        return self.prepared.claimed

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The parts of an SMS; none for a mail."""
        return self.prepared.parts
