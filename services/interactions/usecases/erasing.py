"""Erases people from interactions; whoever was deleted in leads is forgotten here by its event."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import forgotten
from services import erasing as shared
from services.erasing import Erased, Person
from services.interactions.storage import contacts, erasing
from services.interactions.usecases import proposal_erasing, story


async def erase(session: AsyncSession, person: Person) -> Erased:
    """Erases what is kept of a person and returns what was found.

    Who is not known as deleted yet is waited for: the event is on its way, and what is written
    until it comes goes with it. Others are held up only while there is something left.
    """
    erased = Erased()
    known = await contacts.several(session, person.contact_ids)
    gone = [it for each in person.contact_ids if (it := known.get(each)) and it.deleted]
    erased.waiting += len(person.contact_ids) - len(gone)
    left = await erasing.left(session, [it.id for it in gone])
    for it in gone if left else ():
        await story.forget(session, it)
    erased.add("story", left)
    others = await proposal_erasing.forget_sent(session, person)
    erased.add("proposal_addresses", others)
    for kind, its_id in await forgotten.remembered(session, person.contact_ids):
        erased.own(kind, [its_id])
    digests = await erasing.empty_digests(session, shared.pattern(person.names))
    erased.add("digests", digests)
    return erased
