"""What a person leaves behind, given to others in one act."""

from collections import Counter
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.context import Level
from chassis.scope import Scope
from services.interactions.storage import contacts, reassigning
from services.interactions.storage.reassigning import Count
from services.interactions.usecases import announce, notifying
from services.interactions.usecases.found import forbidden

MOST = 10_000
"""How many follow-ups one call gives, each with an event of its own."""


class Wish(NamedTuple):
    """From whom to whom; `owners`: to another owner of a follow-up's contact, if there is one."""

    leaver: UUID
    taker: UUID
    owners: bool


def manager(allowed: Scope) -> Scope:
    """Returns the reach of somebody who acts for others; raises `PermissionDenied`."""
    if allowed.level not in (Level.TEAM, Level.ALL):
        raise forbidden("follow_ups", "write")
    return allowed


async def reassign(
    session: AsyncSession, reach: Scope, asked: Scope, wish: Wish
) -> tuple[Count, int]:
    """Gives everything of the leaver within reach to others; `asked` is the reach of requests.

    Returns what was given, and how many follow-ups are left.
    """
    # First, as whoever deletes a contact does, or the two could wait for each other.
    await contacts.lock_against_deletion(session)
    series_ids = await reassigning.lock_series(session, reach, wish.leaver)
    # Before their follow-ups, as their worker does: what it makes right now is then seen.
    batches = await reassigning.give_batches(session, reach, wish.leaver, wish.taker)
    ids = await reassigning.lock_follow_ups(session, reach, wish.leaver, series_ids, MOST)
    series, planned = await reassigning.give_series(session, series_ids, wish.leaver, wish.taker)
    given = await reassigning.give_follow_ups(
        session, ids, wish.leaver, wish.taker, owners=wish.owners
    )
    requests = await reassigning.give_requests(
        session, asked, wish.leaver, wish.taker, owners=wish.owners
    )
    for request, taker in requests:
        await announce.request_changed(session, "assign", request)
        await notifying.took(session, request, taker)
    count = Count(len(given), series.all, planned.all, batches.all, len(requests))
    await announce.reassigned(
        session, wish.leaver, wish.taker, count, [it.follow_up for it in given]
    )
    gains = Counter(it.taker for it in given if it.is_new)
    if planned.new or series.new or batches.new:
        gains[wish.taker] += planned.new
    await notifying.handed_over(session, gains)
    if len(given) < MOST:
        return count, 0
    left = await reassigning.count(session, reach, asked, wish.leaver)
    return count, left.follow_ups
