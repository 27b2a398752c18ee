"""Who may see which contact, asked here first and of leads when no event told of it yet."""

from collections.abc import Sequence
from uuid import UUID

from chassis import context, db, scope
from chassis.context import Principal
from chassis.rpc import rights
from chassis.scope import Scope
from services.interactions.clients import Leads
from services.interactions.domain.contacts import Contact
from services.interactions.storage import contacts
from services.interactions.usecases.found import missing


class Gate:
    """Lets a caller to the contacts within reach of the right to read contacts."""

    def __init__(self, sessions: db.Sessions, leads: Leads) -> None:
        self._sessions = sessions
        self._leads = leads

    async def visible(self, contact_id: UUID) -> Contact:
        """Returns a contact that the caller may see; raises `NotFound`.

        Raises `Unavailable` when leads must be asked and is away. Opens its own transactions.
        """
        reach = may("contacts", "read")
        async with self._sessions.begin() as session:
            copy = await contacts.get(session, contact_id)
        if copy is None:
            copy = await self._fetched(contact_id, _whom(context.require_principal()))
        if copy is None or not copy.visible(reach):
            raise missing("contact", contact_id)
        return copy

    async def own(self, contact_id: UUID) -> Contact:
        """Returns the contact that a customer is; raises `NotFound` once it was deleted.

        Raises `Unavailable` when leads must be asked and is away. Opens its own transactions.
        """
        async with self._sessions.begin() as session:
            copy = await contacts.get(session, contact_id)
        if copy is None:
            copy = await self._fetched(contact_id, None)
        if copy is None or copy.deleted:
            raise missing("contact", contact_id)
        return copy

    async def hidden(self, contact_ids: Sequence[UUID]) -> set[UUID]:
        """Returns those of up to 1,000 contacts that the caller may not see or that are not there.

        Raises `Unavailable` when leads must be asked and is away. Opens its own transactions.
        """
        reach = may("contacts", "read")
        async with self._sessions.begin() as session:
            known = await contacts.several(session, contact_ids)
        unknown = [each for each in contact_ids if each not in known]
        if unknown:
            whom = _whom(context.require_principal())
            told = await self._leads.contacts(unknown, on_behalf_of=whom)
            async with self._sessions.begin() as session:
                await contacts.put(session, told)
                # A deletion may have been told meanwhile, with a greater revision.
                known |= await contacts.several(session, [copy.id for copy in told])
        seen = {copy.id for copy in known.values() if copy.visible(reach)}
        return set(contact_ids) - seen

    async def _fetched(self, contact_id: UUID, whom: str | None) -> Contact | None:
        told = await self._leads.contact(contact_id, on_behalf_of=whom)
        if told is None:
            return None
        async with self._sessions.begin() as session:
            await contacts.put(session, [told])
            # A deletion may have been told meanwhile, with a greater revision.
            return await contacts.get(session, contact_id)


def may(resource: str, action: str) -> Scope:
    """Returns how far the caller's right reaches; raises `PermissionDenied` for none."""
    return scope.of(context.require_principal(), rights.require(resource, action))


def reach(resource: str, action: str) -> Scope:
    """Returns how far the caller's right reaches, which may be nowhere."""
    return scope.to(context.require_principal(), resource, action)


def _whom(principal: Principal) -> str | None:
    """A service acts for itself; anybody else is asked for with their own rights."""
    return None if principal.kind == "service" else principal.subject
