"""Erases people from interactions; whoever was deleted in leads is forgotten here by its event."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.erasing import Erased, Person
from services.interactions.storage import contacts, erasing
from services.interactions.usecases import story


async def erase(session: AsyncSession, person: Person) -> Erased:
    """Erases what is kept of a person and returns what was found.

    Who is not known as deleted yet is waited for: the event is on its way, and what is written
    until it comes goes with it.
    """
    erased = Erased()
    known = await contacts.several(session, person.contact_ids)
    left = await erasing.left(session, person.contact_ids)
    for contact_id in person.contact_ids:
        it = known.get(contact_id)
        if it is None or not it.deleted:
            erased.waiting += 1
        else:
            await story.forget(session, it)
    if not erased.waiting:
        erased.add("story", left)
    for kind, its_id in await erasing.remembered(session, person.contact_ids):
        erased.own(kind, [its_id])
    erased.add("digests", await erasing.empty_digests(session, person.names))
    return erased
