"""Tells people of what concerns them, in the transaction of the fact."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from services.interactions.domain.batches import Batch
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.domain.notes import Note
from services.interactions.domain.notifications import Kind, Notification, Reader, Told
from services.interactions.domain.proposals.events import CUSTOMER
from services.interactions.domain.proposals.proposals import Proposal
from services.interactions.domain.reminders import Due
from services.interactions.domain.requests import Request
from services.interactions.domain.series import Series
from services.interactions.storage import notifications
from services.interactions.usecases.found import existing

RESOURCE = "notification"
_BY_ITSELF = "interactions"


async def mentioned(session: AsyncSession, note: Note) -> None:
    """Tells those whom a note mentions, each once; not the one who writes."""
    told = [
        Told(user_id, Kind.MENTIONED, note.id, _actor())
        for user_id in note.mentioned_user_ids
        if str(user_id) != _actor()
    ]
    await notifications.add(session, told)


async def assigned(session: AsyncSession, now: FollowUp, before: Collection[UUID] = ()) -> None:
    """Tells those who got a follow-up from somebody else and did not have it `before`."""
    await _given(session, Kind.ASSIGNED, now, before)


async def put_on(session: AsyncSession, now: Series, before: Collection[UUID] = ()) -> None:
    """Tells those whom somebody else put on a series, once for all that it plans."""
    await _given(session, Kind.SERIES_ASSIGNED, now, before)


async def batch_made(
    session: AsyncSession, of: Batch, assignees: Iterable[Collection[UUID]]
) -> None:
    """Counts what a batch made for each person, told once a batch; not its creator.

    `assignees`: those of each follow-up that was made.
    """
    counts = Counter(user_id for each in assignees for user_id in each)
    told = [
        Told(user_id, Kind.BATCH_ASSIGNED, of.id, of.creator_id, count=count)
        for user_id, count in counts.items()
        if str(user_id) != of.creator_id
    ]
    await notifications.count_up(session, told)


async def handed_over(session: AsyncSession, counts: Mapping[UUID, int]) -> None:
    """Tells people how many follow-ups they have of another since this act."""
    act_id = uuid_utils.compat.uuid7()
    told = [
        Told(user_id, Kind.HANDED_OVER, act_id, _actor(), count=count)
        for user_id, count in counts.items()
        if str(user_id) != _actor()
    ]
    await notifications.add(session, told)


async def answered(session: AsyncSession, proposal: Proposal, event_id: UUID) -> None:
    """Tells the owner of a proposal what the customer did."""
    await _owner(session, proposal, Kind.PROPOSAL_ANSWERED, event_id, CUSTOMER)


async def undelivered(session: AsyncSession, proposal: Proposal, event_id: UUID) -> None:
    """Tells the owner of a proposal that its e-mail may not have arrived."""
    await _owner(session, proposal, Kind.PROPOSAL_UNDELIVERED, event_id, _BY_ITSELF)


async def asked(session: AsyncSession, request: Request) -> None:
    """Tells those who are to answer that the customer asked or replied, once each time."""
    told = [
        Told(user_id, Kind.REQUEST, request.id, CUSTOMER, request.revision)
        for user_id in request.assignee_ids
    ]
    await notifications.add(session, told)


async def took(session: AsyncSession, request: Request, taker: UUID) -> None:
    """Tells somebody that a request of a customer is theirs to answer now."""
    if str(taker) != _actor():
        told = Told(taker, Kind.REQUEST, request.id, _actor(), request.revision)
        await notifications.add(session, [told])


async def unowned(session: AsyncSession, request: Request, readers: Collection[UUID]) -> None:
    """Tells those who may answer that a customer asks whom nobody has, once each time."""
    told = [
        Told(user_id, Kind.REQUEST, request.id, CUSTOMER, request.revision) for user_id in readers
    ]
    await notifications.add(session, told)


async def failed(session: AsyncSession, follow_ups: Iterable[FollowUp]) -> None:
    """Tells the assignees of follow-ups whose message ended with failures, once a follow-up."""
    told = [
        Told(user_id, Kind.FOLLOW_UP_FAILED, it.id, _BY_ITSELF)
        for it in follow_ups
        for user_id in it.assignee_ids
    ]
    await notifications.add(session, told)


async def reminded(session: AsyncSession, now: FollowUp, due: Due) -> None:
    """Reminds the assignees of a follow-up that is about to start."""
    told = [
        Told(user_id, Kind.REMINDER, now.id, _BY_ITSELF, due.occasion)
        for user_id in now.assignee_ids
    ]
    await notifications.add(session, told)


async def read(session: AsyncSession, reader: Reader, notification_id: UUID) -> Notification:
    """Marks one as read and returns it; raises `NotFound` for what the reader does not see."""
    await notifications.mark_read(session, reader, one=notification_id)
    found = await notifications.get(session, reader, notification_id)
    return existing(found, RESOURCE, notification_id)


async def forget(
    session: AsyncSession, *gone: Sequence[Note | FollowUp | Series | Request]
) -> None:
    """Deletes what was told of notes, follow-ups, series and requests that are deleted."""
    await notifications.drop_of(session, [it.id for some in gone for it in some])


async def _owner(
    session: AsyncSession, proposal: Proposal, kind: Kind, event_id: UUID, actor_id: str
) -> None:
    if proposal.owner_id is not None:
        await notifications.add(session, [Told(proposal.owner_id, kind, event_id, actor_id)])


async def _given(
    session: AsyncSession, kind: Kind, now: FollowUp | Series, before: Collection[UUID]
) -> None:
    told = [
        Told(user_id, kind, now.id, _actor(), now.revision)
        for user_id in now.assignee_ids
        if user_id not in before and str(user_id) != _actor()
    ]
    await notifications.add(session, told)


def _actor() -> str:
    principal = context.current().principal
    return principal.subject if principal else _BY_ITSELF
