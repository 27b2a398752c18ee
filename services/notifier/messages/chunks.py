"""Reads the work and the control events other services send."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

from crm.campaigns.v1 import campaign_pb2, run_pb2, template_pb2
from crm.campaigns.v1 import events_pb2 as campaigns_events
from crm.leads.v1 import events_pb2 as leads_events
from crm.notifier.v1 import work_pb2
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.attachments import Attachment
from services.notifier.domain.states import Channel, Purpose, RunState
from services.notifier.domain.work import NOBODY, Content
from services.notifier.storage.intake import New
from services.notifier.storage.runs import Told

M = TypeVar("M", bound=Message)


class Unreadable(Exception):
    """The bytes are not what they should be; they never will be."""


@dataclass(frozen=True)
class Chunk:
    """A chunk: its run, and its recipients with values in the chunk's order."""

    chunk_id: UUID
    told: Told
    recipients: tuple[New, ...]
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class RunControl:
    """A pause, resume or end of a run."""

    run_id: UUID
    run_date: date
    epoch: int
    state: RunState
    channel: Channel
    purpose: Purpose
    not_after: datetime | None


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal of consent; advertiser NOBODY is every one, purpose 0 all but one."""

    entry_id: str
    contact_id: UUID | None
    channel: Channel
    advertiser_id: UUID
    purpose: int
    address_keys: tuple[str, ...]
    time: datetime


@dataclass(frozen=True)
class Regained:
    """A consent given: by whom, to what, and when the person said so."""

    entry_id: str
    channel: Channel
    advertiser_id: UUID
    purpose: Purpose
    address_keys: tuple[str, ...]
    time: datetime


def chunk(data: bytes) -> Chunk:
    """Reads a chunk; raises `Unreadable` when it is not one."""
    body = _parsed(work_pb2.Chunk, data)
    try:
        told = Told(
            run_id=UUID(bytes=body.run_id),
            run_date=date.fromisoformat(body.run_date),
            epoch=body.epoch,
            channel=Channel(body.channel),
            purpose=Purpose(body.purpose),
            campaign_id=UUID(bytes=body.campaign_id),
            advertiser_id=UUID(bytes=body.advertiser_id),
            sender_identity_id=UUID(bytes=body.sender_identity_id),
            content_hash=body.content_hash,
            variables=tuple(body.variables),
            not_after=_time(body.not_after) if body.HasField("not_after") else None,
            max_per_second=max(0, body.max_per_second),
        )
        return Chunk(UUID(bytes=body.chunk_id), told, tuple(_recipients(body)))
    except ValueError as wrong:
        raise Unreadable(str(type(wrong).__name__)) from None


def run_control(subject: str, data: bytes) -> RunControl:
    """Reads RunPaused, RunResumed or RunCancelled; raises `Unreadable`."""
    kinds: dict[str, tuple[type[Message], RunState]] = {
        "crm.campaigns.v1.RunPaused": (campaigns_events.RunPaused, RunState.PAUSED),
        "crm.campaigns.v1.RunResumed": (campaigns_events.RunResumed, RunState.ACTIVE),
        "crm.campaigns.v1.RunCancelled": (campaigns_events.RunCancelled, RunState.CANCELLED),
    }
    kind, state = kinds[subject]
    run: run_pb2.Run = _parsed(kind, data).run  # type: ignore[attr-defined]
    if state is RunState.CANCELLED and run.state == campaign_pb2.RUN_STATE_EXPIRED:
        state = RunState.EXPIRED
    return _control(run, state)


def stop(run: run_pb2.Run) -> RunControl:
    """Reads a run that was paused or ended; raises `Unreadable` for any other."""
    states = {
        campaign_pb2.RUN_STATE_PAUSED: RunState.PAUSED,
        campaign_pb2.RUN_STATE_CANCELLED: RunState.CANCELLED,
        campaign_pb2.RUN_STATE_EXPIRED: RunState.EXPIRED,
    }
    if run.state not in states:
        raise Unreadable("the run was not stopped")
    return _control(run, states[run.state])


def _control(run: run_pb2.Run, state: RunState) -> RunControl:
    try:
        return RunControl(
            run_id=UUID(run.id),
            run_date=date.fromisoformat(run.run_date),
            epoch=run.epoch,
            state=state,
            channel=Channel(run.channel),
            purpose=Purpose(run.purpose),
            not_after=_time(run.not_after) if run.HasField("not_after") else None,
        )
    except ValueError as wrong:
        raise Unreadable(type(wrong).__name__) from None


def withdrawal(data: bytes) -> Withdrawal:
    """Reads ConsentWithdrawn; raises `Unreadable`."""
    body = _parsed(leads_events.ConsentWithdrawn, data)
    entry = body.entry
    try:
        return Withdrawal(
            entry_id=entry.id,
            contact_id=UUID(entry.contact_id) if entry.contact_id else None,
            channel=Channel(entry.channel),
            advertiser_id=UUID(entry.advertiser_id) if entry.advertiser_id else NOBODY,
            purpose=entry.purpose,
            address_keys=tuple(body.address_keys),
            time=_time(entry.time),
        )
    except ValueError as wrong:
        raise Unreadable(type(wrong).__name__) from None


def regained(data: bytes) -> Regained:
    """Reads ConsentGiven; raises `Unreadable`."""
    body = _parsed(leads_events.ConsentGiven, data)
    entry = body.entry
    try:
        return Regained(
            entry_id=entry.id,
            channel=Channel(entry.channel),
            advertiser_id=UUID(entry.advertiser_id),
            purpose=Purpose(entry.purpose),
            address_keys=tuple(body.address_keys),
            time=_time(entry.time),
        )
    except ValueError as wrong:
        raise Unreadable(type(wrong).__name__) from None


def content(body: template_pb2.Content) -> Content:
    """A content of campaigns."""
    return Content(
        hash=body.hash,
        channel=Channel(body.channel),
        subject=body.subject,
        html=body.html,
        body=body.text,
        variables=tuple(body.variables),
        attachments=tuple(
            Attachment(it.name, it.media_type, it.size, it.hash) for it in body.attachments
        ),
    )


def _recipients(body: work_pb2.Chunk) -> Iterator[New]:
    ids = _ids(body.message_ids)
    if not ids:
        raise ValueError("recipients")
    many = len(ids)
    if len(body.values) != len(body.variables):
        raise ValueError("values")
    addresses = _texts(body.addresses, many)
    keys = _texts(body.address_keys, many) if body.address_keys else addresses
    # Who was erased since has neither.
    if any(bool(address) != bool(key) for address, key in zip(addresses, keys, strict=True)):
        raise ValueError("address")
    values = [_texts(it, many) for it in body.values]
    people = zip(
        ids,
        _ids(body.contact_ids),
        addresses,
        keys,
        _alike(body.time_zones, many),
        _alike(body.locales, many),
        zip(*values, strict=True) if values else itertools.repeat((), many),
        strict=True,
    )
    return itertools.starmap(New, people)


def _ids(column: bytes) -> list[UUID]:
    return [UUID(bytes=column[at : at + 16]) for at in range(0, len(column), 16)]


def _texts(column: bytes, many: int) -> list[str]:
    """The texts of a column; raises ValueError unless there are so many."""
    texts = column.decode().split("\0") if many else []
    if len(texts) != many:
        raise ValueError("column")
    return texts


def _alike(column: bytes, many: int) -> list[str]:
    """The texts of a column that has a single one when it is that of all."""
    return _texts(column, many) if b"\0" in column else [column.decode()] * many


def _parsed(kind: type[M], data: bytes) -> M:
    try:
        return kind.FromString(data)
    except DecodeError:
        raise Unreadable("not a " + kind.DESCRIPTOR.name) from None


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
