"""Erases people from accounts: values of entries about them can be read no more."""

from sqlalchemy.ext.asyncio import AsyncSession

from services import erasure_traces
from services.accounts.storage import erasing
from services.erasing import Erased, Person


async def erase(session: AsyncSession, person: Person) -> Erased:
    """Destroys the keys of everything that was a person's, and keeps no values that come later.

    The chain goes over ciphertexts, and verifies as before.
    """
    erased = Erased()
    own = {("contact", str(it)) for it in person.contact_ids} | person.subjects
    erased.add("audit_keys", await erasing.destroy(session, sorted(own)))
    erased.add("sign_in_failures", await erasing.drop_failures(session, person.addresses))
    await erasure_traces.erase(session, person, erased)
    return erased
