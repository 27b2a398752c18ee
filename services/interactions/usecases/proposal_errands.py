"""What proposals need done on time: letters handed over, reminders, expiry."""

from datetime import timedelta
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.proposals import letters as words
from services.interactions.domain.proposals.events import Errand, Happened, Outgoing
from services.interactions.domain.proposals.links import Links
from services.interactions.domain.proposals.proposals import WAITING, Proposal, State
from services.interactions.storage import proposal_letters, proposals
from services.interactions.usecases import proposal_news

ACTOR = "interactions"
REFUSED, LATE, IN_DOUBT = "refused", "late", "in_doubt"


async def handed_over(session: AsyncSession, letter: Outgoing, message_id: UUID) -> None:
    """Settles a letter that the notifier has."""
    kept = await proposals.get(session, letter.proposal_id, lock=True)
    if kept is None:
        return
    if not await proposal_letters.settle(session, letter.id, "handed_over", message_id, ""):
        return
    if letter.kind is Errand.REMINDER:
        if kept.issue == letter.issue:
            await proposal_news.happened(session, kept, Happened.REMINDED, actor=ACTOR)
        return
    if kept.issue != letter.issue:
        return
    # The customer may have been faster than this answer.
    state = State.SENT if kept.state is State.SENDING else kept.state
    values = {"state": state, "message_id": message_id}
    after = await proposals.change(session, kept, values)
    await proposal_news.happened(session, after, Happened.SENT, actor=ACTOR)


async def refused(session: AsyncSession, letter: Outgoing, failure: str, why: str) -> None:
    """Settles a letter that the notifier will not take; what did not go is a draft again.

    Where an earlier try got no answer nobody knows whether it went: then it counts as sent, in
    doubt, and its link works.
    """
    kept = await proposals.get(session, letter.proposal_id, lock=True)
    if kept is None:
        return
    if not await proposal_letters.settle(session, letter.id, "failed", None, failure):
        return
    if letter.kind is Errand.REMINDER or kept.issue != letter.issue:
        return
    state = kept.state
    if state is State.SENDING:
        state = State.SENT if failure == IN_DOUBT else State.DRAFT
    values: dict[str, object] = {"state": state, "send_failure": failure}
    if state is State.DRAFT:
        values["remind_time"] = None
    after = await proposals.change(session, kept, values)
    await proposal_news.happened(
        session, after, Happened.SEND_FAILED, f"{failure}: {why}"[:500], actor=ACTOR
    )


async def expire(session: AsyncSession, limit: int) -> int:
    """Ends those whose last day has passed; returns how many."""
    due = await proposals.expired(session, limit)
    for kept in due:
        await proposal_letters.cancel_untried(session, kept.id)
        values = {"state": State.EXPIRED, "remind_time": None}
        after = await proposals.change(session, kept, values)
        await proposal_news.happened(session, after, Happened.EXPIRED, actor=ACTOR)
    return len(due)


async def remind(session: AsyncSession, limit: int, links: Links) -> int:
    """Writes the reminders that are due, one a sending; returns how many were looked at."""
    due = await proposals.to_remind(session, limit)
    for kept in due:
        await proposals.mark(session, kept, {"remind_time": None})
        if kept.state in WAITING:
            await _reminder(session, kept, links)
    return len(due)


async def _reminder(session: AsyncSession, kept: Proposal, links: Links) -> None:
    by = await proposal_letters.sender(session, kept.id, kept.issue)
    now = await proposals.database_time(session)
    if by is None or kept.document is None or kept.expire_time <= now:
        return
    letter = words.reminder(kept.document, links.of(kept.id))
    await proposal_letters.add(
        session,
        {
            "id": uuid_utils.compat.uuid7(),
            "proposal_id": kept.id,
            "issue": kept.issue,
            "kind": Errand.REMINDER,
            "address": kept.address,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
            "advertiser_id": by[0],
            "sender_identity_id": by[1],
            "contact_id": kept.contact_id,
            "not_after": min(now + timedelta(hours=24), kept.expire_time),
        },
    )
