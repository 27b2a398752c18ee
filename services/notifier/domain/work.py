"""What a worker holds of a message between claim and outcome."""

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from chassis.attachments import Attachment
from services.notifier.domain.hours import Window
from services.notifier.domain.states import Channel, Purpose

NOBODY = UUID(int=0)


class Key(NamedTuple):
    """A message's whole key: its id and the date that says where it is kept."""

    run_date: date
    message_id: UUID


class Kind(NamedTuple):
    """What all messages of a run have in common, and what one without a run has for itself.

    One without a run is urgent unless it is `patient`.
    """

    run_id: UUID | None
    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    sender_identity_id: UUID | None
    content_hash: str
    patient: bool = False

    @property
    def urgent(self) -> bool:
        """Whether it goes before everything that is not."""
        return self.run_id is None and not self.patient


class Claimed(NamedTuple):
    """A claimed message as stored; the claim with this number proves it."""

    key: Key
    claim: int
    attempts: int
    kind: Kind
    address: str
    address_key: str
    time_zone: str
    values: tuple[str, ...]
    not_after: datetime | None
    created_at: datetime

    @property
    def run_id(self) -> UUID | None:
        """Its run, if it has one."""
        return self.kind.run_id

    @property
    def channel(self) -> Channel:
        """How it goes."""
        return self.kind.channel

    @property
    def purpose(self) -> Purpose:
        """What it is for."""
        return self.kind.purpose

    @property
    def advertiser_id(self) -> UUID:
        """For whom it is sent."""
        return self.kind.advertiser_id


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run; its line has `last_seq` places."""

    run_id: UUID
    run_date: date
    epoch: int
    state: str
    channel: Channel
    weight: int
    max_per_second: int
    not_after: datetime | None
    variables: tuple[str, ...]
    kind: Kind
    last_seq: int = 0


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


class Enclosure(NamedTuple):
    """The attachments of a content as every mail has them, behind its first part.

    `tail` begins with a delimiter of `boundary`, ends with the last one, and has neither a line
    that begins with a dot nor spaces that a signature does not count.
    """

    boundary: str
    tail: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """What is rendered; never changes under its hash."""

    hash: str
    channel: Channel
    subject: str
    html: str
    body: str
    variables: tuple[str, ...]
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A suppression as gates read it; advertiser NOBODY is every one, purpose 0 all but one.

    `regained` are the (advertiser, purpose) that the person agreed to since. `reason` names the
    rule that a message stopped by it is told of.
    """

    version: int
    channel: Channel
    address_key: str
    advertiser_id: UUID
    purpose: int
    regained: frozenset[tuple[UUID, int]] = frozenset()
    reason: str = ""

    def covers(self, message: Claimed) -> bool:
        """Whether it forbids `message`."""
        if (self.channel, self.address_key) != (message.channel, message.address_key):
            return False
        if self.advertiser_id not in (NOBODY, message.advertiser_id):
            return False
        if (message.advertiser_id, message.purpose) in self.regained:
            return False
        if self.purpose == 0:
            return message.purpose is not Purpose.TRANSACTIONAL
        return self.purpose == message.purpose


class Failed(NamedTuple):
    """A provider said for good that nobody is at an address."""

    channel: Channel
    address_key: str
    reason: str
    message_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Agreement:
    """What somebody agreed with an advertiser instead of the law's numbers; None keeps those."""

    most: int | None
    windows: tuple[Window, ...] | None


class Prepared(NamedTuple):
    """A message ready for the wire: the bytes of a mail, or the parts of an SMS.

    `tail` goes behind the bytes of a mail; it is one for all mails of a content.

    `suppression_version` and `epoch` are what the gates saw; after `stale_at`, in seconds of this
    machine's own clock, it has to pass them again. Nothing of it is written after `closes_at`, of
    the same clock, when its sending hours end.
    """

    claimed: Claimed
    sender: str
    payload: bytes
    parts: tuple[bytes, ...]
    data_coding: int
    joined: bool
    suppression_version: int
    epoch: int
    stale_at: float
    closes_at: float = math.inf
    tail: bytes = b""


class Outgoing(NamedTuple):
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
