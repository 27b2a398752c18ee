"""Planned recipients become chunks for the notifier of their region."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import RecipientState, RunState
from services.campaigns.messages import work
from services.campaigns.storage import chunks, recipients
from services.campaigns.storage import runs as stored

# Longer than its maker needs to publish a chunk; then anybody does.
ORPHANED = timedelta(seconds=10)


class Chunk(NamedTuple):
    """A chunk to publish to a region."""

    id: UUID
    region: str
    payload: bytes


async def hand_over(session: AsyncSession, run_id: UUID, *, backlog: int) -> list[Chunk]:
    """Make at most one chunk a region of a run that is SENDING; returns what to publish.

    No region gets more than `backlog` chunks that its notifier has not dealt with, so that a
    pause or a cancel finds most of the run still here. Holds the run's lock: after a pause has
    committed nothing is handed over.
    """
    run = await stored.try_lock(session, run_id)
    if run is None or run.state is not RunState.SENDING:
        return []
    made = []
    for region in sorted(run.plan.regions):
        if await chunks.count_open(session, run.id, region) < backlog:
            chunk = await _chunk(session, run, region)
            made += [chunk] if chunk is not None else []
    return made


async def _chunk(session: AsyncSession, run: Run, region: str) -> Chunk | None:
    waiting = await recipients.claim(session, run, region, work.MAX_RECIPIENTS)
    if not waiting:
        return None
    chunk_id = uuid_utils.compat.uuid7()
    payload, size = work.chunk(run, chunk_id, waiting)
    taken = [each.message_id for each in waiting[:size]]
    await recipients.hand_over(session, run, chunk_id, taken)
    await chunks.add(session, run, region, chunk_id, payload, size, ORPHANED)
    await stored.count(
        session, run.id, {RecipientState.PLANNED: -size, RecipientState.HANDED_OVER: size}
    )
    return Chunk(chunk_id, region, payload)
