"""Addresses that failed, as providers say, and those that work after all, as people say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import FieldViolation
from chassis.scope import EVERYTHING
from services.leads.domain import contact as model
from services.leads.domain import fields, reachable
from services.leads.domain.contact import Channel, Contact
from services.leads.messages import events
from services.leads.storage import contacts
from services.leads.usecases import access, hidden, trail
from services.leads.usecases.contacts import announce

_TOGETHER = 500


@dataclass(frozen=True)
class Failure:
    """A provider said that nobody can be reached at an address."""

    channel: Channel
    address_key: str
    reason: str
    time: datetime


async def fail(session: AsyncSession, failures: Sequence[Failure], *, now: datetime) -> int:
    """Mark the addresses invalid with everybody who has them; returns how many contacts changed.

    What was confirmed or written after the failure stays, so that news may come in any order.
    """
    by_contact: dict[UUID, list[Failure]] = {}
    for channel in {it.channel for it in failures}:
        ours = [it for it in failures if it.channel is channel]
        found = await contacts.by_address(session, channel, {it.address_key for it in ours})
        for it in ours:
            for contact_id in found.get(it.address_key, ()):
                by_contact.setdefault(contact_id, []).append(it)
    changed = 0
    for ids in _batches(sorted(by_contact)):
        held = await contacts.lock(session, ids, EVERYTHING)
        failed = [(it, _failed(it, by_contact[it.id])) for it in held.values()]
        pairs = [(before, after) for before, after in failed if after is not before]
        await _store(session, "address_failed", pairs, now)
        changed += len(pairs)
    return changed


async def confirm(
    session: AsyncSession, contact_id: UUID, written: str, etag: str, *, now: datetime
) -> Contact:
    """Take an address of a contact for valid again; one that is valid stays as it is.

    Raises as `contacts.change` does, `InvalidArgument` for what is no address of the contact,
    `PermissionDenied` where those are hidden: it would tell whose an address is.
    """
    before = await access.held(session, contact_id, "write", etag)
    channel, key = _asked(before, written)
    after = model.confirm(before, channel, key, now)
    if after is before:
        return before
    (stored,) = await _store(session, "address_confirmed", [(before, after)], now)
    return stored


async def _store(
    session: AsyncSession, action: str, pairs: Sequence[tuple[Contact, Contact]], now: datetime
) -> list[Contact]:
    """Store changed contacts with their next revisions, and tell of each."""
    stored = [
        replace(after, revision=before.revision + 1, update_time=now) for before, after in pairs
    ]
    await contacts.update(session, stored)
    for (before, _), after in zip(pairs, stored, strict=True):
        await announce(session, after, events.updated(after))
        await trail.contact(session, action, before, after)
    return stored


def _failed(contact: Contact, failures: Sequence[Failure]) -> Contact:
    for it in failures:
        contact = model.fail(contact, it.channel, it.address_key, it.time)
    return contact


def _asked(contact: Contact, written: str) -> tuple[Channel, str]:
    """Return the channel and the key of an address of the contact."""
    profile = contact.profile
    email = reachable.email(written) if "@" in written else None
    phone = reachable.phone(written, profile.address.country_code or "VN")
    channel, key = (Channel.EMAIL, email[1]) if email else (Channel.SMS, phone or "")
    hidden.refuse_change(["emails" if channel is Channel.EMAIL else "phones"])
    if key not in model.address_keys(contact, channel):
        fields.refuse([FieldViolation("address", "is no address of this contact")])
    return channel, key


def _batches(ids: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [ids[at : at + _TOGETHER] for at in range(0, len(ids), _TOGETHER)]
