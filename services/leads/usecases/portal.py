"""What customers see and change of themselves; whose it is says the caller's token alone."""

from collections.abc import Callable
from datetime import datetime

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.db import audit
from chassis.db.paging import Page
from services.leads.domain import consent as rules
from services.leads.domain import my_consents
from services.leads.domain.consent import Entry
from services.leads.domain.contact import Contact, Draft
from services.leads.domain.my_consents import Standing, Wish
from services.leads.domain.transaction import Transaction
from services.leads.storage import consents as ledger
from services.leads.storage import sources
from services.leads.storage import transactions as storage
from services.leads.usecases import access, consents, contacts


async def change(
    session: AsyncSession,
    etag: str,
    redraft: Callable[[Contact], Draft],
    *,
    home_region: str,
    now: datetime,
) -> Contact:
    """Change the customer's contact as `contacts.change` does."""
    before = await access.held_own(session, etag)
    draft = redraft(before)
    return await contacts.rewrite(
        session, before, draft, home_region=home_region, now=now, named="profile."
    )


async def standings(session: AsyncSession) -> list[Standing]:
    """Return how the customer's consents stand."""
    contact = await access.own(session)
    return await _standings(session, contact)


async def change_consent(session: AsyncSession, wish: Wish, *, now: datetime) -> Standing:
    """Give or withdraw a consent in the one ledger there is; what stands so already stays."""
    contact = await access.held_own(session)
    new_id, actor = uuid_utils.compat.uuid7(), my_consents.ACTOR
    if not await _stands(session, contact, wish):
        if wish.given:
            agreed = my_consents.given(contact.id, wish, now)
            entry = rules.check_given(agreed, entry_id=new_id, actor=actor, now=now)
            await consents.add_given(session, contact, entry)
        else:
            refused = my_consents.withdrawn(contact.id, wish)
            entry = rules.check_withdrawn(refused, entry_id=new_id, actor=actor, now=now)
            await consents.add_withdrawn(session, [(contact, entry)])
    found = await _standings(session, contact)
    scope = (wish.advertiser_id, wish.purpose, wish.channel)
    same = (it for it in found if (it.advertiser_id, it.purpose, it.channel) == scope)
    return next(same, Standing(*scope, wish.given, now))


async def _stands(session: AsyncSession, contact: Contact, wish: Wish) -> bool:
    """Whether the ledger says so already."""
    if wish.given:
        force = (await ledger.in_force(session, contact.id)).get(wish.advertiser_id, 0)
        return bool(force & rules.cells(1 << wish.purpose, 1 << wish.channel))
    # Also where nothing is in force it may be new: what is brought later must not hold either.
    new = await ledger.not_yet_withdrawn(
        session,
        [contact.id],
        channel=wish.channel,
        advertiser_id=wish.advertiser_id,
        purpose=wish.purpose,
    )
    return not new


async def _standings(session: AsyncSession, contact: Contact) -> list[Standing]:
    return my_consents.standings(
        await ledger.said(session, contact.id), await ledger.in_force(session, contact.id)
    )


async def transactions(
    session: AsyncSession, page: Page
) -> tuple[list[Transaction], storage.Key | None]:
    """Return a page of the customer's transactions, newest first."""
    contact = await access.own(session)
    return await storage.page(session, contact.id, page)


async def entries(session: AsyncSession, page: Page) -> tuple[list[Entry], ledger.Key | None]:
    """Return a page of the customer's ledger, newest first."""
    return await ledger.page(session, context.require_contact(), page)


async def note_export(session: AsyncSession) -> tuple[Contact, str]:
    """Note that the customer takes along what is kept; returns the contact and its source's name.

    Without a source the name is empty.
    """
    contact = await access.own(session)
    await audit.record(
        session, action="contact.export", subject_type="contact", subject_id=str(contact.id)
    )
    source_id = contact.profile.source_id
    source = await sources.get(session, source_id) if source_id else None
    return contact, source.name if source else ""
