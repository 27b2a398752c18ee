"""Erases people from a notifier; who was suppressed stays so, by a keyed hash."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

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
    erased.add("contents", await erasing.empty_contents(session, person.names))
    held = await erasing.suppressions(session, contacts, addresses)
    await erasing.hash_suppressions(session, held, _hashes(held, secret))
    erased.add("suppressions", len(held))
    erased.own("suppression", (it.id for it in held))
    asked = await erasing.requests(session, addresses)
    await erasing.hash_requests(session, asked, _hashes(asked, secret))
    erased.add("consent_requests", len(asked))
    agreed = await erasing.drop_agreements(session, contacts, addresses)
    erased.add("agreements", len(agreed))
    erased.own("agreement", agreed)
    erased.add("notes", await erasing.drop_notes(session, addresses))
    # Entries of who looked an address up have what they gave as their reason.
    erased.own("address", (dossiers.subject(it, secret) for it in addresses))
    return erased


def _hashes(held: list[erasing.Held], secret: bytes) -> list[str]:
    return [peppering.hashed(secret, Channel(it.channel), it.address_key) for it in held]
