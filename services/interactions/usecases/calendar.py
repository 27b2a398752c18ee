"""The calendar: moving several follow-ups at once, and inviting to a meeting."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import Error, FailedPrecondition
from chassis.scope import Scope
from services.interactions.domain import calendar as rules
from services.interactions.domain import ics
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import FollowUp, Type
from services.interactions.storage import contacts, standings
from services.interactions.storage import follow_ups as kept
from services.interactions.usecases import follow_ups


@dataclass(frozen=True)
class Move:
    """A follow-up to be moved; an empty `etag` is not checked."""

    id: UUID
    etag: str


async def reschedule(
    session: AsyncSession, readable: Scope, allowed: Scope, moves: Sequence[Move], to: rules.To
) -> Sequence[FollowUp]:
    """Moves all, each with its length; raises `InvalidArgument` that names each that cannot be."""
    await contacts.lock_against_deletion(session)
    found, problems = await kept.locked_among(session, [it.id for it in moves]), Problems()
    # All at once and in order, or two that move several could wait for each other.
    await standings.hold(session, [it.contact_id for it in found.values()])
    after = []
    for at, move in enumerate(moves):
        before, field = found.get(move.id), f"follow_ups[{at}]"
        if before is None or not (before.within(allowed) or before.within(readable)):
            problems.add(field, "no such follow-up")
        elif not before.within(allowed):
            problems.add(field, "no right to change it")
        elif (start := rules.moved(before, to)) is None:
            problems.add(field, "its time does not exist on that day")
        else:
            try:
                columns = {"start_time": start}
                after.append(await follow_ups.update(session, before, move.etag, columns))
            except Error as refused:
                problems.add(field, refused.message)
    problems.raise_if_any()
    return after


async def invitation(
    session: AsyncSession, readable: Scope, follow_up_id: UUID, invited: ics.Invited
) -> tuple[str, str]:
    """Returns the file that invites to a meeting, and its method."""
    meeting = await follow_ups.get(session, readable, follow_up_id)
    if meeting.type is not Type.MEETING:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            f"nobody is invited to a {meeting.type}",
            resource="follow_up",
            type=meeting.type,
        )
    return ics.invitation(meeting, invited, await kept.database_time(session))
