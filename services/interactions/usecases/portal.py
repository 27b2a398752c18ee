"""What customers see in the portal, each by the contact that their token names."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.context import require_contact
from chassis.db import audit
from chassis.scope import EVERYTHING
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.domain.proposals.proposals import SHOWN, Proposal
from services.interactions.domain.requests import Request
from services.interactions.storage import follow_ups as planned
from services.interactions.storage import portal as taken
from services.interactions.storage import proposals as offered
from services.interactions.storage import requests as asked
from services.interactions.usecases.found import missing

APPOINTMENT = "appointment"

Place = tuple[Any, ...] | None


async def proposals(session: AsyncSession, size: int, before: Place) -> Sequence[Proposal]:
    """Returns up to `size` of the customer that were sent, newest first."""
    wanted = offered.Filter(contact_id=require_contact(), states=SHOWN)
    return await offered.page(session, wanted, EVERYTHING, size, before)


async def appointments(
    session: AsyncSession, size: int, after: Place, *, past: bool
) -> Sequence[FollowUp]:
    """Returns up to `size` calls and meetings: to come by start, or the others, newest first."""
    return await taken.appointments(session, require_contact(), size, after, past=past)


async def appointment(session: AsyncSession, follow_up_id: UUID) -> FollowUp:
    """Returns a call or meeting of the customer; raises `NotFound` for any other."""
    kept = await planned.get(session, follow_up_id, of=require_contact())
    if kept is None or not kept.is_for_customer:
        raise missing(APPOINTMENT, follow_up_id)
    return kept


async def requests(session: AsyncSession, size: int, before: Place) -> Sequence[Request]:
    """Returns up to `size` of the customer, newest first."""
    wanted = asked.Filter(contact_id=require_contact())
    return await asked.page(session, wanted, EVERYTHING, size, before)


async def logged(session: AsyncSession, size: int, before: Place) -> Sequence[taken.Logged]:
    """Returns up to `size` logged contacts with the customer, newest first."""
    return await taken.logged(session, require_contact(), size, before)


async def sent(session: AsyncSession, size: int, before: Place) -> Sequence[taken.Sent]:
    """Returns up to `size` messages of follow-ups to the customer, newest first."""
    return await taken.sent(session, require_contact(), size, before)


async def note_export(session: AsyncSession) -> None:
    """Notes that the customer takes along what is kept here."""
    mine = str(require_contact())
    await audit.record(session, action="contact.export", subject_type="contact", subject_id=mine)
