"""Erases people from accounts: their logins, and what entries about them tell."""

from collections.abc import Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import forgotten
from services.accounts.domain import lockout
from services.accounts.storage import erasing, letters
from services.accounts.usecases import logins
from services.erasing import Erased, Person

_MESSAGE = "message"


async def erase(session: AsyncSession, person: Person) -> Erased:
    """Erases what is kept of a person and returns what was found.

    Keys of everything that was theirs are destroyed, and values that come later are not kept: the
    chain goes over ciphertexts, and verifies as before. Messages to their login are named, since
    it may have had an address that leads does not know any more.
    """
    erased = Erased()
    gone = [it for each in person.contact_ids if (it := await logins.forget(session, each))]
    erased.add("logins", len(gone))
    addresses = [*person.addresses, *(key for it in gone for key in it.keys_before(None))]
    sent = await letters.CUSTOMERS.forget(session, [*addresses, *(str(it.id) for it in gone)])
    if sent:
        await forgotten.remember(session, person.contact_ids[0], _MESSAGE, sent)
    for kind, its_id in await forgotten.remembered(session, person.contact_ids):
        erased.own(kind, [its_id])
    failed = [*addresses, *_accounts(addresses)]
    erased.add("sign_in_failures", await erasing.drop_failures(session, failed))
    # Last, since whoever chains entries is held up from there on to the end.
    own = {("contact", str(it)) for it in person.contact_ids} | person.subjects
    erased.add("audit_keys", await erasing.destroy(session, sorted(own)))
    return erased


def _accounts(addresses: Sequence[str]) -> Iterator[str]:
    """Yields under what attempts by these addresses count: as a customer, or as a user."""
    for it in addresses:
        yield lockout.account_key(it)
        yield lockout.account_key(logins.account(it))
