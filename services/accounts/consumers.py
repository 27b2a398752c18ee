"""Reacts to what the services tell of changes."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.events.consumer import Event, Handler, Poison
from services.accounts import messages
from services.accounts.domain.people import ALL_SERVICES
from services.accounts.usecases.trail import Trail


def audit_handlers(kept: Trail) -> Mapping[str, Handler]:
    """Returns the handlers of `audit.<service>`, which chain each entry."""

    async def chain(session: AsyncSession, event: Event) -> None:
        try:
            happened = messages.happening(event.data)
        except messages.NotAnEntry:
            raise Poison("AUDIT_UNREADABLE") from None
        await kept.chain(session, happened)

    return {f"audit.{service}": chain for service in ALL_SERVICES}
