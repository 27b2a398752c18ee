"""What the customer does with a proposal: by its link, or as the contact `of` whom it is.

What is not that contact's is not there.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import NotFound
from services.interactions.domain.proposals.events import CUSTOMER, Happened
from services.interactions.domain.proposals.proposals import (
    RESOURCE,
    WAITING,
    Proposal,
    State,
    forbidden,
)
from services.interactions.storage import proposals
from services.interactions.usecases import proposal_moves, proposal_news
from services.interactions.usecases.found import missing

_ONE_LOOK = timedelta(minutes=1)
MOST_COMMENTS = 50


async def opened(
    session: AsyncSession, proposal_id: UUID | None, *, of: UUID | None = None
) -> Proposal:
    """Returns what a link leads to, as it is by the clock; changes nothing."""
    kept = await proposals.get(session, proposal_id, of=of) if proposal_id else None
    return _there(kept, proposal_id, of)


async def see(
    session: AsyncSession, proposal_id: UUID | None, issue: int, *, of: UUID | None = None
) -> None:
    """Notes that a person looked, at most once a minute; nothing of what is over."""
    kept = await _locked(session, proposal_id, of)
    now = await proposals.database_time(session)
    if kept.state not in WAITING or kept.issue != issue or kept.expire_time <= now:
        return
    if kept.last_view_time is not None and now - kept.last_view_time < _ONE_LOOK:
        return
    await _seen(session, kept)


async def accept(
    session: AsyncSession,
    proposal_id: UUID | None,
    issue: int,
    name: str,
    *,
    of: UUID | None = None,
) -> Proposal:
    """Accepts what the customer saw; the same once more changes nothing."""
    kept = await _locked(session, proposal_id, of)
    if kept.state is State.ACCEPTED and (kept.issue, kept.answer_name) == (issue, name):
        return kept
    return await _answer(session, kept, issue, Happened.ACCEPTED, name, "")


async def decline(
    session: AsyncSession,
    proposal_id: UUID | None,
    issue: int,
    reason: str,
    *,
    of: UUID | None = None,
) -> Proposal:
    """Declines what the customer saw; the same once more changes nothing."""
    kept = await _locked(session, proposal_id, of)
    if kept.state is State.DECLINED and (kept.issue, kept.answer_reason) == (issue, reason):
        return kept
    return await _answer(session, kept, issue, Happened.DECLINED, "", reason)


async def comment(
    session: AsyncSession, proposal_id: UUID | None, text: str, *, of: UUID | None = None
) -> Proposal:
    """Keeps what the customer says besides, whatever the state, but for a flood of it."""
    kept = await _locked(session, proposal_id, of)
    if kept.state is State.WITHDRAWN:
        raise forbidden(kept.state, "commented")
    if await proposals.count(session, kept.id, Happened.COMMENTED) >= MOST_COMMENTS:
        raise forbidden(kept.state, "commented any more")
    await proposal_news.happened(session, kept, Happened.COMMENTED, text, actor=CUSTOMER)
    return kept


async def _answer(
    session: AsyncSession, kept: Proposal, issue: int, kind: Happened, name: str, reason: str
) -> Proposal:
    now = await proposals.database_time(session)
    state = State(kind.value)
    kept.must_be_answerable(issue, now, to=state)
    if kept.view_time is None:
        # A browser without script tells of no look; who answers has looked.
        kept = await _seen(session, kept)
    values = {
        "state": state,
        "answer_name": name,
        "answer_reason": reason,
        "answer_time": now,
        "remind_time": None,
    }
    after = await proposal_moves.ask(session, await proposals.change(session, kept, values))
    await proposal_news.happened(session, after, kind, name or reason, actor=CUSTOMER)
    return after


async def _seen(session: AsyncSession, kept: Proposal) -> Proposal:
    now = await proposals.database_time(session)
    looked = {"view_count": kept.view_count + 1, "last_view_time": now}
    if kept.view_time is not None:
        return await proposals.mark(session, kept, looked)
    # What somebody looks at has arrived, whatever we thought of the e-mail.
    arrived = {"send_failure": "", "send_failure_reason": ""}
    viewed = {**looked, **arrived, "state": State.VIEWED, "view_time": now}
    after = await proposals.change(session, kept, viewed)
    await proposal_news.happened(session, after, Happened.VIEWED, actor=CUSTOMER)
    return after


async def _locked(session: AsyncSession, proposal_id: UUID | None, of: UUID | None) -> Proposal:
    kept = await proposals.get(session, proposal_id, of=of, lock=True) if proposal_id else None
    return _there(kept, proposal_id, of)


def _there(kept: Proposal | None, proposal_id: UUID | None, of: UUID | None) -> Proposal:
    if kept is None or not kept.issue:
        if of is not None:
            raise missing(RESOURCE, proposal_id)
        raise NotFound("PROPOSAL_LINK_INVALID", "no such proposal", resource=RESOURCE)
    return kept
