"""Reacts to what the services tell of changes."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.events.consumer import BatchHandler, Event, Handler, Poison
from services.accounts import messages
from services.accounts.domain.chain import Happening
from services.accounts.domain.people import ALL_SERVICES
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


def _happening(event: Event) -> Happening:
    try:
        return messages.happening(event.data)
    except messages.NotAnEntry:
        raise Poison("AUDIT_UNREADABLE") from None
