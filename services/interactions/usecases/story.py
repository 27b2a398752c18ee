"""A contact's story: what events add to it, and its end."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import forgotten
from services.interactions.domain.contacts import Contact
from services.interactions.domain.timeline import Fact, Imported, Kind
from services.interactions.storage import (
    contacts,
    follow_ups,
    interactions,
    notes,
    occurrences,
    requests,
    standings,
    timeline,
)
from services.interactions.usecases import announce, notifying, proposal_erasing, series
from services.interactions.usecases.found import missing


async def tell(session: AsyncSession, copies: Sequence[Contact], facts: Sequence[Fact]) -> None:
    """Keeps copies of contacts and adds facts; nothing is added to who was deleted.

    Series that wait for orders of these contacts look at them again.
    """
    await contacts.lock_against_deletion(session)
    await contacts.put(session, copies)
    gone = await contacts.deleted_among(session, {fact.contact_id for fact in facts})
    await timeline.put(session, [fact for fact in facts if fact.contact_id not in gone])
    bought = {fact.contact_id for fact in facts if fact.entry.kind is Kind.TRANSACTION}
    if bought - gone:
        await occurrences.wake(session, bought - gone)


async def tell_imported(
    session: AsyncSession, copies: Sequence[Contact], imported: Imported
) -> None:
    """Keeps copies of contacts and adds the fact that they were imported to those not deleted."""
    await contacts.lock_against_deletion(session)
    await contacts.put(session, copies)
    await timeline.put_imported(session, imported)


async def still_there(session: AsyncSession, *contact_ids: UUID) -> None:
    """Raises `NotFound` if one was deleted, and keeps them from being until the end."""
    await contacts.lock_against_deletion(session)
    for gone in await contacts.deleted_among(session, set(contact_ids)):
        raise missing("contact", gone)


async def forget(session: AsyncSession, tombstone: Contact) -> None:
    """Leaves a tombstone and deletes what is kept of the person."""
    await contacts.lock_for_deletion(session)
    await contacts.put(session, [tombstone])
    await timeline.drop_of_contact(session, tombstone.id)
    await series.forget(session, tombstone.id)
    asked = await requests.drop_of_contact(session, tombstone.id)
    for request in asked:
        await announce.request_deleted(session, request)
    planned = await follow_ups.drop_of_contact(session, tombstone.id)
    for gone in planned:
        await announce.follow_up_deleted(session, gone)
    written = await notes.drop_of_contact(session, tombstone.id)
    for note in written:
        await announce.note_changed(session, "delete", note, before=note, after=None)
    await notifying.forget(session, planned, written, asked)
    logged = await interactions.drop_of_contact(session, tombstone.id)
    for each in logged:
        await announce.interaction_deleted(session, each)
    for kind, gone_ids in (
        ("follow_up", [it.id for it in planned]),
        ("note", [it.id for it in written]),
        ("interaction", [it.id for it in logged]),
        ("request", [it.id for it in asked]),
    ):
        await forgotten.remember(session, tombstone.id, kind, gone_ids)
    await standings.refresh(session, [tombstone.id])
    await proposal_erasing.forget(session, tombstone.id)
