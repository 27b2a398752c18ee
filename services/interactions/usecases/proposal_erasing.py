"""Erases a person from proposals."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import forgotten
from services.erasing import Person
from services.interactions.domain.proposals.events import Happened
from services.interactions.domain.proposals.moves import StageMove
from services.interactions.domain.proposals.proposals import RESOURCE, WAITING, Proposal, State
from services.interactions.storage import notifications, proposal_letters, proposals
from services.interactions.usecases import proposal_attachments, proposal_news


async def forget(session: AsyncSession, contact_id: UUID) -> None:
    """Erases a contact from proposals; number and sums stay of what was sent."""
    await _forget(session, contact_id, await proposals.of_contact(session, contact_id))


async def forget_sent(session: AsyncSession, person: Person) -> int:
    """Erases proposals that went to a person's address without being a contact's of theirs.

    One of another contact stays that contact's, without the address; returns how many of these.
    """
    addresses = [*person.emails, *person.spellings]
    held = await proposals.sent_to(session, addresses) if addresses else []
    await _forget(session, person.contact_ids[0], [it for it in held if it.contact_id is None])
    others = [it for it in held if it.contact_id is not None]
    for kept in others:
        await proposal_letters.drop(session, kept.id)
        await proposals.change(session, kept, {"address": "", "recipient_name": ""})
    return len(others)


async def _forget(session: AsyncSession, contact_id: UUID, held: Sequence[Proposal]) -> None:
    ids = [it.id for it in held]
    await forgotten.remember(session, contact_id, RESOURCE, ids)
    await proposal_attachments.drop(session, ids)
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
            # Titles and lines name people; the number names the document.
            "title": kept.number,
            "lines": [replace(it, description="\u2014") for it in kept.lines],
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
