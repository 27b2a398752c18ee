"""Contacts written by the hundred, for imports: a few statements, whatever the number."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from chassis.db.outbox import Class
from services.leads.domain import contact as model
from services.leads.domain.consent import Grant
from services.leads.domain.contact import Contact
from services.leads.messages import events
from services.leads.storage import consents, contacts


async def write(
    session: AsyncSession,
    import_id: UUID,
    *,
    created: Sequence[Contact],
    updated: Sequence[Contact],
) -> list[Contact]:
    """Store up to 1,000 contacts in the caller's transaction and tell of them.

    `updated` are contacts the caller has locked (`storage.contacts.lock`), already changed, their
    revisions grown. New ones without a reference code get one; they are returned as stored.
    The audit entry is the import's own, one for all its batches.
    Raises `AlreadyExists` when a reference code or external id is another contact's: look them
    up first (`taken_codes`, `taken_external_ids`).
    """
    new = await _with_codes(session, created)
    await contacts.insert_many(session, new)
    await contacts.update(session, updated)
    await contacts.note_import(session, import_id, [it.id for it in (*new, *updated)])
    for event in events.imported(import_id, new, updated):
        await outbox.add(session, event, to=Class.FACTS, key=str(import_id))
    return new


async def give(
    session: AsyncSession,
    import_id: UUID,
    given: Sequence[Grant],
    *,
    new: Mapping[UUID, Contact],
    people: Mapping[UUID, Contact],
) -> None:
    """Keep what people agreed to, those `new` in this transaction or others, who are locked.

    What the ledger has already is not added again. Where it lifts a withdrawal, that is told
    beside withdrawals, each by itself.
    """
    first: dict[UUID, Grant] = {}
    others: list[Grant] = []
    for it in given:
        if it.contact_id in new and it.contact_id not in first:
            first[it.contact_id] = it  # their ledger is empty: nothing is to be compared
        else:
            others.append(it)
    await consents.grant_to_new(session, list(first.values()))
    entries = {entry: it for it in others for entry in it.entries()}
    added = await consents.give(session, list(entries))
    fresh = [entry for entry in entries if entry.id in added]
    more = {it.id: it for it in (entries[entry] for entry in fresh)}
    for bulk in events.consents_imported(import_id, [*first.values(), *more.values()]):
        await outbox.add(session, bulk, to=Class.FACTS, key=str(import_id))
    again = await consents.given_again(session, fresh)
    for entry in fresh:
        if entry.id in again:
            keys = model.address_keys(people[entry.contact_id], entry.channel)
            told = events.given(entry, keys)
            await outbox.add(session, told, to=Class.CONTROL, key=str(entry.id), revision=1)


async def _with_codes(session: AsyncSession, created: Sequence[Contact]) -> list[Contact]:
    without = sum(not it.profile.reference_code for it in created)
    codes = iter(await contacts.new_codes(session, without) if without else ())
    return [it if it.profile.reference_code else model.coded(it, next(codes)) for it in created]
