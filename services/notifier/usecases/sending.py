"""Accepts one message: stored with its key before it is answered, sent by the engine."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit
from chassis.errors import AlreadyExists, FieldViolation, InvalidArgument, NotFound
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import Content, Key
from services.notifier.storage import intake, lookups, rows, senders


@dataclass(frozen=True)
class Wanted:
    """One message as its caller wants it, checked."""

    subject: str
    request_id: str
    request_hash: bytes
    channel: Channel
    purpose: Purpose
    address: str
    address_key: str
    advertiser_id: UUID
    sender_identity_id: UUID
    title: str
    html: str
    text: str
    contact_id: UUID | None
    not_after: datetime


async def known(session: AsyncSession, wanted: Wanted) -> rows.Message | None:
    """The message this request made before; raises if the id was used for another request."""
    found = await intake.key_of(session, wanted.subject, wanted.request_id)
    if found is None:
        return None
    key, request_hash = found
    if request_hash != wanted.request_hash:
        raise reused()
    return await lookups.get(session, key.message_id)


async def send(session: AsyncSession, wanted: Wanted, now: datetime) -> rows.Message:
    """Stores the message, to go before any campaign; the same request gives the same one."""
    before = await known(session, wanted)
    if before is not None:
        return before
    await _check_sender(session, wanted)
    kept = content(wanted)
    await senders.add_content(session, kept)
    key = Key(now.date(), uuid_utils.compat.uuid7())
    shared = intake.Shared(
        run_date=key.run_date,
        run_id=None,
        channel=wanted.channel,
        purpose=wanted.purpose,
        advertiser_id=wanted.advertiser_id,
        sender_identity_id=wanted.sender_identity_id,
        content_hash=kept.hash,
        not_after=wanted.not_after,
    )
    new = intake.New(
        key.message_id, wanted.contact_id, wanted.address, wanted.address_key, "", "", ()
    )
    await intake.insert(session, shared, [new], 0)
    await intake.wait(session, key, wanted.channel)
    await intake.remember_key(session, wanted.subject, wanted.request_id, wanted.request_hash, key)
    await audit.record(
        session,
        action="send",
        subject_type="message",
        subject_id=str(key.message_id),
        after={"channel": wanted.channel.name, "purpose": wanted.purpose.name},
    )
    stored = await lookups.get(session, key.message_id)
    if stored is None:
        raise AssertionError("what was inserted can be read")
    return stored


async def _check_sender(session: AsyncSession, wanted: Wanted) -> None:
    identity = await senders.identity(session, wanted.sender_identity_id)
    if identity is None:
        raise no_sender(wanted)
    if identity.advertiser_id != wanted.advertiser_id or identity.channel != wanted.channel:
        raise unfit_sender()


def reused() -> AlreadyExists:
    """The error for a request id that stands for another request."""
    return AlreadyExists(
        "REQUEST_ID_REUSED",
        "this request_id was used for a different request",
        method="SendMessage",
    )


def no_sender(wanted: Wanted) -> NotFound:
    """The error for a sender identity that is not there."""
    return NotFound(
        "RESOURCE_MISSING",
        "no such sender identity",
        resource="sender_identity",
        id=wanted.sender_identity_id,
    )


def unfit_sender() -> InvalidArgument:
    """The error for a sender identity of another advertiser or channel."""
    return InvalidArgument(
        "FIELDS_INVALID",
        "the sender identity does not fit",
        violations=[FieldViolation("sender_identity_id", "is not of this advertiser and channel")],
    )


def content(wanted: Wanted) -> Content:
    """What a message says, kept as it stands: it is no template."""
    parts = (wanted.channel.name, wanted.title, wanted.html, wanted.text)
    digest = hashlib.sha256("\x00".join(parts).encode()).hexdigest()
    # Marked, so that it can never be taken for a template of campaigns with that hash.
    return Content(f"inline:{digest}", wanted.channel, wanted.title, wanted.html, wanted.text, ())
