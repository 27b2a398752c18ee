"""Erases people from campaigns; runs count them as before."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.messages import work
from services.campaigns.storage import erasing
from services.erasing import Erased, Person


async def erase(session: AsyncSession, person: Person) -> Erased:
    """Erases what is kept of a person and returns what was found.

    Who is planned stays so, without an address: the notifier skips them as CONTACT_ERASED.
    """
    erased = Erased()
    erased.add("recipients", await erasing.blank_recipients(session, person.contact_ids))
    gone = {it.bytes for it in person.contact_ids}
    for chunk in await erasing.chunks(session, person.contact_ids):
        payload = work.blanked(chunk.payload, gone)
        if payload != chunk.payload:
            await erasing.repack(session, chunk._replace(payload=payload))
            erased.add("chunks", 1)
    return erased
