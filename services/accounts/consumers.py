"""Reacts to what the services tell of changes."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.events.consumer import BatchHandler, Event, Handler, Poison
from services.accounts.domain.chain import Happening
from services.accounts.domain.people import ALL_SERVICES
from services.accounts.messages import audit as messages
from services.accounts.messages import logins as login_messages
from services.accounts.usecases import logins
from services.accounts.usecases.logins import Senders
from services.accounts.usecases.trail import Trail


def audit_handlers(kept: Trail) -> Mapping[str, Handler]:
    """Returns the handlers of `audit.<service>`, which chain each entry."""

    async def chain(session: AsyncSession, event: Event) -> None:
        await kept.chain(session, [_happening(event)])

    return {f"audit.{service}": chain for service in ALL_SERVICES}


def audit_batch_handler(kept: Trail) -> BatchHandler:
    """Returns the handler that chains entries that came together."""

    async def chain(session: AsyncSession, events: Sequence[Event]) -> None:
        await kept.chain(session, [_happening(event) for event in events])

    return chain


def contact_handlers(senders: Senders) -> Mapping[str, Handler]:
    """Returns what is done for each fact of leads about a contact, by its subject."""

    async def wanted(session: AsyncSession, event: Event) -> None:
        try:
            person, by = login_messages.wanted(event.data)
        except login_messages.NoFact:
            raise Poison("EVENT_INVALID") from None
        await logins.create_wanted(session, senders, person, by)

    async def deleted(session: AsyncSession, event: Event) -> None:
        try:
            contact_id = login_messages.deleted_contact(event.data)
        except login_messages.NoFact:
            raise Poison("EVENT_INVALID") from None
        await logins.contact_deleted(session, contact_id)

    async def changed(session: AsyncSession, event: Event) -> None:
        try:
            person = login_messages.changed_contact(event.data)
        except login_messages.NoFact:
            raise Poison("EVENT_INVALID") from None
        await logins.contact_changed(session, person)

    return {
        "crm.leads.v1.ContactLoginWanted": wanted,
        "crm.leads.v1.ContactUpdated": changed,
        "crm.leads.v1.ContactDeleted": deleted,
    }


def _happening(event: Event) -> Happening:
    try:
        return messages.happening(event.data)
    except messages.NotAnEntry:
        raise Poison("AUDIT_UNREADABLE") from None
