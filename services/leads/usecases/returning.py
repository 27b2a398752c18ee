"""Keeps people who are erased from coming back by an import that runs meanwhile."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from chassis.db.outbox import Class
from chassis.scope import EVERYTHING
from services.leads.domain import person as people
from services.leads.domain.contact import Channel, Contact
from services.leads.domain.person import Key, Sought
from services.leads.messages import events
from services.leads.storage import contacts, erasing, erasures, import_people


async def drop(session: AsyncSession, held: Contact, now: datetime) -> None:
    """Delete a contact that the caller has locked, as `DeleteContact` does, and tell of it."""
    revision = held.revision + 1
    await contacts.remove(session, held, revision, now)
    gone = events.deleted(held.id, revision)
    await outbox.add(session, gone, to=Class.FACTS, key=str(held.id), revision=revision)


async def shared(session: AsyncSession, found: Sought) -> set[str]:
    """Return the addresses of a person that others have, too: a family's, a company's."""
    known: set[str] = set()
    for channel, keys in ((Channel.SMS, found.phones), (Channel.EMAIL, found.emails)):
        having = await contacts.by_address(session, channel, keys)
        known |= {key for key, ids in having.items() if set(ids) - set(found.contact_ids)}
    return known


async def returned(
    session: AsyncSession, found: Sought, *, since: datetime, now: datetime
) -> tuple[Sought, int]:
    """Delete what imports that ran at the order made of the person; returns how many, too.

    A batch that was under way then had not seen the order. Only addresses that were nobody else's
    count, and only contacts made after `since`.
    """
    own = {it for it in found.found_by() if it[1] not in found.shared}
    if not found.imports or not own:
        return found, 0
    having = await import_people.find(session, own, None)
    ids = {it for some in having.values() for it in some} - set(found.contact_ids)
    ids = await erasing.made_by(session, ids, found.imports, since)
    if not ids:
        return found, 0
    held = list((await contacts.lock(session, ids, EVERYTHING)).values())
    for it in held:
        await drop(session, it, now)
    return found.also(held), len(held)


async def keys(session: AsyncSession, seal_key: str) -> set[Key]:
    """Return what those are found by who are being erased; raises `SealBroken`."""
    sealed = await erasures.running(session)
    return {key for it in sealed for key in people.unseal(it, seal_key).found_by()}
