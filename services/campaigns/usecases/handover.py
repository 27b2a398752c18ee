"""Planned recipients become chunks for the notifier of their region."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import uuid_utils.compat
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
    made = []
    handed = []
    for region in await regions.read(session, run.id):
        parts, after = await _cut(session, run, region, backlog * work.MAX_RECIPIENTS - region.open)
        made += parts
        if after > region.handed_to:
            handed.append((region.name, after, sum(part.size for part, _ in parts)))
    people = sum(size for _, _, size in handed)
    if not handed:
        return []
    # Counters before regions: everybody takes these locks in this order.
    await stored.count(
        session, run.id, {RecipientState.PLANNED: -people, RecipientState.HANDED_OVER: people}
    )
    for name, after, size in handed:
        await regions.hand(session, run.id, name, after, size)
    if made:
        await chunks.add(session, [chunk for chunk, _ in made], ORPHANED)
    return [Chunk(chunk.id, chunk.region, payload) for chunk, payload in made]


async def again(session: AsyncSession, chunk: chunks.Chunk) -> Chunk:
    """Return a chunk as it was published before: the same bytes, of the same rows."""
    run = (await stored.get(session, chunk.run_id)).run
    payload = work.head(run, chunk.id, chunk.epoch) + await chunks.packed(session, chunk)
    return Chunk(chunk.id, chunk.region, payload, chunk.publications)


async def _cut(
    session: AsyncSession, run: Run, region: Region, room: int
) -> tuple[list[tuple[chunks.Chunk, bytes]], int]:
    """Return the next chunks of a region, and the ordinal they reach to."""
    made: list[tuple[chunks.Chunk, bytes]] = []
    after = region.handed_to
    while room >= work.MAX_RECIPIENTS and len(made) < AT_ONCE and after < run.plan.cursor:
        cut = await chunks.cut(
            session, run, region.name, after, work.MAX_RECIPIENTS, work.MAX_BYTES - work.HEAD_BYTES
        )
        if cut is None:
            # Nobody of this region is left: whoever looks again need not pass all the others.
            after = run.plan.cursor
            break
        chunk = chunks.Chunk(
            uuid_utils.compat.uuid7(),
            run.id,
            run.run_date,
            region.name,
            run.epoch,
            after,
            cut.to_ordinal,
            cut.size,
        )
        made.append((chunk, work.head(run, chunk.id, chunk.epoch) + cut.packed))
        after, room = cut.to_ordinal, room - cut.size
    return made, after
