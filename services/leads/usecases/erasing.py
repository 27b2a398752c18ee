"""Erases a person from leads itself: what is left beside the contact, which went with the order."""

from sqlalchemy.ext.asyncio import AsyncSession

from services import erasure_traces
from services.erasing import Erased, Person
from services.leads.domain import person as people
from services.leads.storage import erasing

_WHY = "its file had somebody who was erased"


async def erase(session: AsyncSession, person: Person) -> Erased:
    """Erase what leads keeps of a person and return what was found.

    A file that is being imported is waited for. One that was imported, or never was, goes whole.
    """
    erased = Erased()
    contacts, words = person.contact_ids, [*person.addresses, *person.spellings, *person.names]
    erased.add("ledgers", await erasing.blank_ledgers(session, contacts))
    erased.add("import_rows", await erasing.blank_import_rows(session, contacts, words))
    erased.add("import_shadows", await erasing.drop_shadows(session, contacts, words))
    if words:
        found = await erasing.files(session, words, people.digits(person))
        idle = [it for it, busy in found if not busy]
        await erasing.drop_files(session, idle, _WHY)
        erased.add("import_files", len(idle))
        erased.waiting += len(found) - len(idle)
    for kind in ("contact", "consent"):
        erased.own(kind, contacts)
    await erasure_traces.erase(session, person, erased)
    return erased
