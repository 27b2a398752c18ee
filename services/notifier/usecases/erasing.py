"""Erases people from a notifier; who was suppressed stays so, by a keyed hash."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import forgotten
from services import erasing as shared
from services.erasing import Erased, Person
from services.notifier.domain import peppering
from services.notifier.domain.states import Channel
from services.notifier.storage import erasing
from services.notifier.usecases import dossiers


async def erase(session: AsyncSession, person: Person, secret: bytes) -> Erased:
    """Erases what is kept of a person and returns what was found.

    What waits to be sent to them is skipped when its turn comes (CONTACT_ERASED), so that runs
    still sum; what is in doubt stays counted so.
    """
    erased = Erased()
    contacts, addresses = person.contact_ids, person.addresses
    await erasing.note(session, contacts)
    written = [UUID(its_id) for kind, its_id in person.subjects if kind == "message"]
    blanked, contents = await erasing.blank_messages(session, contacts, addresses, written)
    erased.add("messages", blanked)
    erased.add("contents", await erasing.drop_contents(session, contents, contacts))
    if person.names:
        pattern = shared.pattern(person.names)
        erased.add("contents", await erasing.empty_contents(session, pattern))
        erased.waiting += await erasing.waiting_contents(session, pattern)
    held = await erasing.suppressions(session, contacts, addresses)
    own = [it for it in held if it.address_key not in person.shared]
    await erasing.hash_suppressions(session, own, _hashes(own, secret))
    await erasing.untie_suppressions(session, contacts)
    erased.add("suppressions", len(held))
    await _remember(session, person, "suppression", [it.id for it in held])
    asked = await erasing.requests(session, addresses)
    await erasing.hash_requests(session, asked, _hashes(asked, secret))
    erased.add("consent_requests", len(asked))
    agreed = await erasing.drop_agreements(session, contacts, addresses)
    erased.add("agreements", len(agreed))
    await _remember(session, person, "agreement", agreed)
    erased.add("notes", await erasing.drop_notes(session, addresses))
    for kind, its_id in await forgotten.remembered(session, contacts):
        erased.own(kind, [its_id])
    # Entries of who looked an address up have what they gave as their reason.
    erased.own("address", (dossiers.subject(it, secret) for it in addresses))
    return erased


async def _remember(
    session: AsyncSession, person: Person, kind: str, ids: Iterable[UUID | None]
) -> None:
    own = [it for it in ids if it is not None]
    if own:
        await forgotten.remember(session, person.contact_ids[0], kind, own)


def _hashes(held: list[erasing.Held], secret: bytes) -> list[str]:
    return [peppering.hashed(secret, Channel(it.channel), it.address_key) for it in held]
