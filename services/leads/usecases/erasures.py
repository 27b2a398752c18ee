"""Orders to erase somebody: given, read, listed."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis import scope as scopes
from chassis.db import audit
from chassis.db.paging import Page
from chassis.errors import FailedPrecondition, NotFound
from services.leads.domain import person as people
from services.leads.domain.erasure import Erasure, Reason, State
from services.leads.domain.person import Sought
from services.leads.storage import erasing, erasures, tombstones
from services.leads.usecases import access, returning

ERASE = "erase"


@dataclass(frozen=True)
class Order:
    """Who is to be erased and why; `confirm` says that this one is meant."""

    contact_id: UUID
    reason: Reason
    confirm: str


async def order(session: AsyncSession, wanted: Order, seal_key: str, *, now: datetime) -> Erasure:
    """Erase a contact and order all services to forget the person; again gives what is there.

    Raises `NotFound`, `PermissionDenied`, `FailedPrecondition` when it is not confirmed.
    """
    there = await erasures.of_contact(session, wanted.contact_id)
    if there is not None:
        return _reached(there)
    found = await _sought(session, wanted, now)
    made = Erasure(
        id=uuid_utils.compat.uuid7(),
        contact_id=wanted.contact_id,
        reason=wanted.reason,
        state=State.RUNNING,
        requester_id=access.actor(),
        request_time=now,
    )
    await erasures.add(session, made, people.seal(found, seal_key))
    await audit.record(
        session, action="erase", subject_type="contact", subject_id=str(wanted.contact_id)
    )
    return made


async def get(session: AsyncSession, erasure_id: UUID) -> Erasure:
    """Return one that the caller may see; raises `NotFound`."""
    found = await erasures.get(session, erasure_id)
    if found is None:
        raise access.missing("erasure", erasure_id)
    return _reached(found)


async def repeat(session: AsyncSession, erasure_id: UUID, seal_key: str) -> Erasure:
    """Have one that is done be run once more; one that runs stays as it is. Raises `NotFound`.

    Addresses are forgotten by then: it goes by the contact's id, and by what services remember.
    """
    there = await get(session, erasure_id)
    sealed = people.seal(Sought((there.contact_id,)), seal_key)
    begun = await erasures.again(session, erasure_id, sealed)
    if begun is None:
        return there
    await audit.record(session, action="repeat", subject_type="erasure", subject_id=str(erasure_id))
    return begun


async def page(
    session: AsyncSession, page: Page, contact_id: UUID | None, state: State | None
) -> tuple[list[Erasure], erasures.Key | None]:
    """Return a page of those that the caller may see, newest first."""
    requester = None if access.scope(ERASE).is_all else access.actor()
    return await erasures.page(
        session, page, requester_id=requester, contact_id=contact_id, state=state
    )


async def _sought(session: AsyncSession, wanted: Order, now: datetime) -> Sought:
    try:
        held = await access.held(session, wanted.contact_id, ERASE)
    except NotFound:
        # Who was only deleted left traces, too; whose they were is not known any more.
        if not access.scope(ERASE).is_all or not await tombstones.has(session, wanted.contact_id):
            raise
        _confirmed(wanted, str(wanted.contact_id))
        return Sought((wanted.contact_id,))
    _confirmed(wanted, held.profile.reference_code)
    found = people.sought(held, imports=await erasing.running_imports(session))
    shared = await returning.shared(session, found)
    await returning.drop(session, held, now)
    return replace(found, shared=frozenset(shared))


def _confirmed(wanted: Order, code: str) -> None:
    if wanted.confirm.strip() != code:
        raise FailedPrecondition(
            "ERASURE_UNCONFIRMED",
            "confirm with the contact's reference code",
            resource="contact",
            id=wanted.contact_id,
        )


def _reached(it: Erasure) -> Erasure:
    sees = scopes.to(context.require_principal(), access.CONTACTS, ERASE)
    if not sees.is_all and it.requester_id != access.actor():
        raise access.missing("erasure", it.id)
    return it
