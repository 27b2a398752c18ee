"""Erases a person from leads itself: what is left beside the contact, which went with the order."""

from sqlalchemy.ext.asyncio import AsyncSession

from services import erasing as shared
from services.erasing import Erased, Person
from services.leads.storage import erasing


async def erase(session: AsyncSession, person: Person) -> Erased:
    """Erase what leads keeps of a person in rows and return what was found."""
    erased, contacts = Erased(), person.contact_ids
    pattern = shared.pattern([*person.addresses, *person.spellings])
    erased.add("ledgers", await erasing.blank_ledgers(session, contacts))
    erased.add("import_rows", await erasing.blank_import_rows(session, contacts, pattern))
    shadows = await erasing.drop_shadows(session, contacts, person.addresses)
    erased.add("import_shadows", shadows)
    for kind in ("contact", "consent"):
        erased.own(kind, contacts)
    return erased
