"""Contacts as far as the caller may reach them."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis import scope as scopes
from chassis.errors import Aborted, NotFound, PermissionDenied
from chassis.rpc import rights
from chassis.scope import EVERYTHING, Scope
from services.leads.domain.contact import Contact
from services.leads.storage import contacts, tombstones

CONTACTS = "contacts"


def scope(*actions: str) -> Scope:
    """Return how far the caller's rights to all `actions` on contacts reach; refuses who lacks one.

    What reaches further is of no use without the others: it is the least of them.
    """
    least = min(rights.require(CONTACTS, it) for it in actions)
    return scopes.of(context.require_principal(), least)


def actor() -> str:
    """Return who is writing: a user's, client's or service's id."""
    return context.require_principal().subject


async def visible(session: AsyncSession, contact_id: UUID) -> Contact:
    """Return a contact the caller may read; raises `NotFound` for any other."""
    reach = scope("read")
    found = await contacts.get(session, contact_id, reach)
    if found is None:
        if reach.is_all and await tombstones.was_erased(session, contact_id):
            raise NotFound(
                "CONTACT_ERASED", "the person was erased", resource="contact", id=contact_id
            )
        raise missing("contact", contact_id)
    return found


async def held(
    session: AsyncSession, contact_id: UUID, action: str = "write", etag: str = ""
) -> Contact:
    """Return a contact locked for `action`, as the caller last saw it if `etag` says so.

    Raises `NotFound` when the caller cannot even see it, `PermissionDenied` when it may be seen
    and not changed, `Aborted` when it changed since.
    """
    may = scope(action)
    sees = scopes.to(context.require_principal(), CONTACTS, "read")
    found = (await contacts.lock(session, [contact_id], EVERYTHING)).get(contact_id)
    if found is None or not (found.profile.within(may) or found.profile.within(sees)):
        raise missing("contact", contact_id)
    if not found.profile.within(may):
        raise PermissionDenied(
            "RIGHT_MISSING", f"no right to {action} this contact", resource=CONTACTS, action=action
        )
    check_etag("contact", contact_id, found.revision, etag)
    return found


async def is_known(session: AsyncSession, contact_id: UUID) -> bool:
    """Return whether it is a contact that the caller may read or change; others are nobody."""
    principal = context.require_principal()
    level = max(principal.level(CONTACTS, it) for it in ("read", "write"))
    return bool(await contacts.existing(session, [contact_id], scopes.of(principal, level)))


async def own(session: AsyncSession) -> Contact:
    """Return the contact that the customer who asks is; raises `NotFound` once it is deleted."""
    contact_id = context.require_contact()
    found = await contacts.get(session, contact_id, EVERYTHING)
    if found is None:
        raise missing("contact", contact_id)
    return found


async def held_own(session: AsyncSession, etag: str = "") -> Contact:
    """As `own`, locked, as the customer last saw it if `etag` says so; else raises `Aborted`."""
    contact_id = context.require_contact()
    found = (await contacts.lock(session, [contact_id], EVERYTHING)).get(contact_id)
    if found is None:
        raise missing("contact", contact_id)
    check_etag("profile", contact_id, found.revision, etag)
    return found


def check_etag(resource: str, its_id: UUID, revision: int, given: str) -> None:
    """Raise `Aborted` when a given etag is not of this revision."""
    if given and given != str(revision):
        raise stale(resource, its_id, revision)


def stale(resource: str, its_id: UUID, revision: int) -> Aborted:
    """Return the error that says a resource is not any more as the caller knew it."""
    return Aborted(
        "ETAG_STALE",
        f"the {resource} changed since it was read",
        resource=resource,
        id=its_id,
        etag=str(revision),
    )


def missing(resource: str, its_id: object) -> NotFound:
    """Return the error that says a resource does not exist, or not for this caller."""
    return NotFound("RESOURCE_MISSING", f"no such {resource}", resource=resource, id=its_id)
