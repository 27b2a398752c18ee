"""Moves the contact of an accepted proposal to the life stage that it asks for."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain.proposals.events import Happened
from services.interactions.domain.proposals.moves import Refusal, StageMove
from services.interactions.domain.proposals.proposals import Proposal
from services.interactions.storage import contacts, proposals
from services.interactions.usecases import found, proposal_news

ACTOR = "interactions"


async def must_be_allowed(session: AsyncSession, kept: Proposal, writable: Scope) -> None:
    """Raises `PermissionDenied` where a proposal would move a contact that this one may not.

    It moves them with the rights of the service, so it is asked of who says so, here.
    """
    if kept.accepted_life_stage_id is None or kept.contact_id is None:
        return
    copy = await contacts.get(session, kept.contact_id)
    if copy is None or not copy.visible(writable):
        raise found.forbidden("contacts", "write")


async def ask(session: AsyncSession, kept: Proposal) -> Proposal:
    """Has the contact moved if the proposal, changed just now, was accepted and asks for it."""
    if not kept.moves_contact or kept.stage_move is not StageMove.NONE:
        return kept
    now = await proposals.database_time(session)
    asked = {"stage_move": StageMove.WAITING, "move_time": now}
    return await proposals.mark(session, kept, asked)


async def moved(session: AsyncSession, proposal_id: UUID) -> None:
    """Notes that the contact is where it is to be; nothing if another worker did."""
    await _settle(session, proposal_id, StageMove.MOVED, Happened.STAGE_MOVED, "")


async def refused(session: AsyncSession, proposal_id: UUID, why: Refusal) -> None:
    """Notes that leads will not move the contact; nothing if another worker did."""
    await _settle(session, proposal_id, StageMove.REFUSED, Happened.STAGE_REFUSED, why)


async def _settle(
    session: AsyncSession, proposal_id: UUID, to: StageMove, kind: Happened, words: str
) -> None:
    kept = await proposals.get(session, proposal_id, lock=True)
    if kept is None or kept.stage_move is not StageMove.WAITING:
        return
    after = await proposals.change(session, kept, {"stage_move": to, "move_time": None})
    await proposal_news.happened(session, after, kind, words, actor=ACTOR)
