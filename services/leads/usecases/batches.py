"""Contacts written by the hundred, for imports: a few statements, whatever the number."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from chassis.db.outbox import Class
from services.leads.domain import contact as model
from services.leads.domain.consent import Entry
from services.leads.domain.contact import Contact
from services.leads.messages import events
from services.leads.storage import consents, contacts

LARGEST = 500


async def write(
    session: AsyncSession,
    import_id: UUID,
    *,
    created: Sequence[Contact],
    updated: Sequence[Contact],
    given: Sequence[Entry] = (),
) -> list[Contact]:
    """Store up to 500 contacts and their consents in the caller's transaction; tell of them.

    `updated` are contacts the caller has locked (`storage.contacts.lock`), already changed, their
    revisions grown. New ones without a reference code get one; they are returned as stored.
    Each contact of `given` is new here or locked. Consents known already are not added again.
    The audit entry is the import's own, one for all its batches.
    Raises `AlreadyExists` when a reference code or external id is another contact's: look them
    up first (`taken_codes`, `taken_external_ids`).
    """
    new = await _with_codes(session, created)
    await contacts.insert(session, new)
    await contacts.update(session, updated)
    await contacts.note_import(session, import_id, [it.id for it in (*new, *updated)])
    added = await consents.give(session, given)
    for event in events.imported(import_id, new, updated):
        await outbox.add(session, event, to=Class.FACTS, key=str(import_id))
    for told in events.consents_imported(import_id, [it for it in given if it.id in added]):
        await outbox.add(session, told, to=Class.FACTS, key=str(import_id))
    return new


async def _with_codes(session: AsyncSession, created: Sequence[Contact]) -> list[Contact]:
    without = sum(not it.profile.reference_code for it in created)
    codes = iter(await contacts.new_codes(session, without) if without else ())
    return [it if it.profile.reference_code else model.coded(it, next(codes)) for it in created]
