"""Erases a person from proposals."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.proposals.events import Happened
from services.interactions.domain.proposals.moves import StageMove
from services.interactions.domain.proposals.proposals import RESOURCE, WAITING, State
from services.interactions.storage import erasing, notifications, proposal_letters, proposals
from services.interactions.usecases import proposal_attachments, proposal_news


async def forget(session: AsyncSession, contact_id: UUID) -> None:
    """Erases a person from proposals; number and sums stay of what was sent."""
    held = await proposals.of_contact(session, contact_id)
    await erasing.remember(session, contact_id, RESOURCE, [it.id for it in held])
    await proposal_attachments.drop(session, [it.id for it in held])
    for kept in held:
        await notifications.drop_of_proposal(session, kept.id)
        if not kept.number:
            await proposals.drop(session, kept.id)
            await proposal_news.deleted(session, kept)
            continue
        await proposal_letters.drop(session, kept.id)
        await proposals.silence(session, kept.id)
        pending = kept.state is State.DRAFT or kept.state in WAITING
        moves = kept.stage_move is StageMove.WAITING
        erased = {
            # Titles name people; the number names the document.
            "title": kept.number,
            "contact_id": None,
            "address": "",
            "recipient_name": "",
            "answer_name": "",
            "answer_reason": "",
            "document": None,
            "remind_time": None,
            "move_time": None,
            "stage_move": StageMove.NONE if moves else kept.stage_move,
            "state": State.WITHDRAWN if pending else kept.state,
        }
        after = await proposals.change(session, kept, erased)
        if pending:
            await proposal_news.happened(session, after, Happened.WITHDRAWN)
