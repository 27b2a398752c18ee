"""The ledger of consents: given, withdrawn, and withdrawn by an unsubscription elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from chassis.db.outbox import Class
from chassis.db.paging import Page
from chassis.scope import EVERYTHING
from services.leads.domain import consent as rules
from services.leads.domain import contact as model
from services.leads.domain.consent import Action, Entry, GivenDraft, WithdrawnDraft
from services.leads.domain.contact import Channel, Contact, Purpose
from services.leads.messages import events
from services.leads.storage import consents, contacts
from services.leads.usecases import access, trail

# What people do that says "no more"; a bounce or an operator's hand says nothing of their will.
REFUSALS = frozenset({"unsubscribed", "withdrawn", "complained"})


@dataclass(frozen=True)
class Suppressed:
    """An address that must not be written to any more, as the notifier tells it."""

    address_key: str
    channel: Channel
    advertiser_id: UUID | None
    purpose: Purpose | None
    reason: str
    evidence: str


async def give(session: AsyncSession, draft: GivenDraft, *, now: datetime) -> Entry:
    """Record that a person agreed; the same agreement again is the entry there already.

    A consent older than a withdrawal is kept in the ledger and is not in force.
    """
    entry = rules.check_given(draft, entry_id=_new_id(), actor=access.actor(), now=now)
    return await add_given(session, await access.held(session, entry.contact_id), entry)


async def add_given(session: AsyncSession, contact: Contact, entry: Entry) -> Entry:
    """Record an agreement of a contact that the caller has locked, as `give` does."""
    if not await consents.give(session, [entry]):
        return await consents.same_entry(session, entry) or entry
    told = events.given(entry, model.address_keys(contact, entry.channel))
    # Beside withdrawals, in their order: it may lift what one of them suppressed.
    await outbox.add(session, told, to=Class.CONTROL, key=str(entry.id), revision=1)
    await trail.changed(session, "give", "consent", contact.id, None, vars(entry))
    return entry


async def withdraw(session: AsyncSession, draft: WithdrawnDraft, *, now: datetime) -> Entry:
    """Record that a person withdrew; what it covers is out of force when this commits."""
    entry = rules.check_withdrawn(draft, entry_id=_new_id(), actor=access.actor(), now=now)
    await add_withdrawn(session, [(await access.held(session, entry.contact_id), entry)])
    return entry


async def withdraw_suppressed(
    session: AsyncSession, it: Suppressed, *, event_id: str, now: datetime
) -> int:
    """Record a refusal that reached the notifier for everybody with that address.

    Returns how many entries that took. Who is recorded as withdrawn already gets none: that is
    how a withdrawal that came from here, was suppressed there and is told back ends.
    """
    if it.reason not in REFUSALS:
        return 0
    found = await contacts.by_address(session, it.channel, [it.address_key])
    ids = await consents.not_yet_withdrawn(
        session,
        found.get(it.address_key, []),
        channel=it.channel,
        advertiser_id=it.advertiser_id,
        purpose=it.purpose,
    )
    held = await contacts.lock(session, ids, EVERYTHING) if ids else {}
    evidence = (it.evidence or f"suppression event {event_id}")[:500]
    pairs = [(each, _refusal(it, each, evidence, now)) for each in held.values()]
    await add_withdrawn(session, pairs)
    return len(pairs)


def _refusal(it: Suppressed, contact: Contact, evidence: str, now: datetime) -> Entry:
    return Entry(
        id=_new_id(),
        contact_id=contact.id,
        advertiser_id=it.advertiser_id,
        purpose=it.purpose,
        channel=it.channel,
        action=Action.WITHDRAWN,
        time=now,
        method=it.reason,
        evidence=evidence,
        actor="notifier",
        record_time=now,
    )


async def ledger(
    session: AsyncSession, contact_id: UUID, page: Page
) -> tuple[list[Entry], consents.Key | None]:
    """Return a page of the ledger of a contact the caller may read, newest first."""
    await access.visible(session, contact_id)
    return await consents.page(session, contact_id, page)


async def add_withdrawn(session: AsyncSession, pairs: Sequence[tuple[Contact, Entry]]) -> None:
    """Record withdrawals of contacts that the caller has locked."""
    await consents.withdraw(session, [entry for _, entry in pairs])
    for contact, entry in pairs:
        told = events.withdrawn(entry, model.address_keys(contact, entry.channel))
        await outbox.add(session, told, to=Class.CONTROL, key=str(entry.id), revision=1)
        await trail.changed(session, "withdraw", "consent", contact.id, None, vars(entry))


def _new_id() -> UUID:
    return uuid_utils.compat.uuid7()
