"""Planned recipients become chunks for the notifier of their region."""

from collections import Counter
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import RecipientState, RunState
from services.campaigns.messages import work
from services.campaigns.storage import chunks, regions
from services.campaigns.storage import runs as stored
from services.campaigns.storage.regions import Region

# Longer than its maker needs to publish a chunk; then anybody does.
ORPHANED = timedelta(seconds=10)

# Chunks of a region made in one transaction: a pause waits for no more than these.
AT_ONCE = 4


class Chunk(NamedTuple):
    """A chunk to publish to a region."""

    id: UUID
    region: str
    payload: bytes
    publications: int = 0


async def hand_over(session: AsyncSession, run_id: UUID, *, backlog: int) -> list[Chunk]:
    """Make the next chunks of a run that is SENDING, for every region; returns what to publish.

    No region gets more than `backlog` chunks' worth of messages that its notifier has yet to tell
    of, so that a pause or a cancel finds most of the run still here. Holds the run's lock: after a
    pause has committed nothing is handed over.
    """
    run = await stored.try_lock(session, run_id)
    if run is None or run.state is not RunState.SENDING:
        return []
    made: list[Chunk] = []
    handed: list[chunks.Chunk] = []
    reached: dict[str, int] = {}
    for region in await regions.read(session, run.id):
        taken, to = await _taken(session, run, region, backlog * work.MAX_RECIPIENTS - region.open)
        handed += [chunk for chunk, _ in taken]
        made += [Chunk(chunk.id, chunk.region, payload) for chunk, payload in taken]
        if to > region.handed_to:
            reached[region.name] = to
    if not reached:
        return []
    people = Counter({name: 0 for name in reached})
    for each in handed:
        people[each.region] += each.size
    # Counters before regions: everybody takes these locks in this order.
    total = people.total()
    await stored.count(
        session, run.id, {RecipientState.PLANNED: -total, RecipientState.HANDED_OVER: total}
    )
    for name, to in reached.items():
        await regions.hand(session, run.id, name, to, people[name])
    await chunks.hand(session, handed, ORPHANED)
    return made


async def again(session: AsyncSession, chunk: chunks.Chunk) -> Chunk | None:
    """Return a chunk as it was published before, without those of whom anything was heard.

    None if that is all of them by now: a notifier refuses a chunk without recipients.
    """
    run = (await stored.get(session, chunk.run_id)).run
    filled, payload = await _filled(session, run, chunk)
    if not filled.size:
        return None
    return Chunk(chunk.id, chunk.region, payload, chunk.publications)


async def _taken(
    session: AsyncSession, run: Run, region: Region, room: int
) -> tuple[list[tuple[chunks.Chunk, bytes]], int]:
    """Return the next chunks of a region with their bytes, and the ordinal they reach to."""
    made: list[tuple[chunks.Chunk, bytes]] = []
    if region.handed_to >= run.plan.cursor or room < work.MAX_RECIPIENTS:
        return made, region.handed_to
    to = region.handed_to
    waiting = await chunks.waiting(session, run.id, region.name, to, AT_ONCE)
    for chunk in waiting:
        if room < work.MAX_RECIPIENTS:
            return made, to
        filled, payload = await _filled(session, run, chunk._replace(epoch=run.epoch))
        if filled.size:
            made.append((filled, payload))
        to, room = chunk.to_ordinal, room - filled.size
    # Nobody of this region is left: whoever looks again need not pass all the others.
    return made, to if waiting else run.plan.cursor


async def _filled(
    session: AsyncSession, run: Run, chunk: chunks.Chunk
) -> tuple[chunks.Chunk, bytes]:
    """Return a chunk and its bytes, without those of whom anything was heard."""
    payload = chunk.payload
    if chunk.thinned:
        left = await chunks.unheard(session, chunk)
        payload = work.kept(payload, left)
        chunk = chunk._replace(size=len(left))
    return chunk, work.head(run, chunk.id, chunk.epoch) + payload
