"""The plan of a run is written batch by batch, each with the cursor in one transaction."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Sessions
from chassis.db.outbox import Class
from chassis.errors import Unavailable
from services.campaigns.domain import planning
from services.campaigns.domain import runs as domain
from services.campaigns.domain.addresses import Addresses
from services.campaigns.domain.planning import People
from services.campaigns.domain.runs import Plan, Run
from services.campaigns.domain.states import ExclusionReason, RecipientState
from services.campaigns.messages import runs as messages
from services.campaigns.messages import work
from services.campaigns.messages.work import Packed
from services.campaigns.storage import chunks, copying, leases, nudges, plans, recipients, regions
from services.campaigns.storage import runs as stored
from services.campaigns.storage.nudges import Worker
from services.campaigns.usecases import runs

# Rows whose addresses are read at once by whoever goes on with a plan.
_AT_ONCE = 50_000


class Batch(NamedTuple):
    """What was decided about a stretch of people, ready to be written."""

    first_ordinal: int
    planned: int
    rows: list[bytes]
    chunks: list[Packed]
    excluded: Counter[ExclusionReason]

    @property
    def last_ordinal(self) -> int:
        """The ordinal of the last person."""
        return self.first_ordinal + len(self.rows) - 1


class Deciding:
    """Decides on people while the database writes those before them.

    The first of a plan with an address gets the message. Nobody else plans the run meanwhile: what
    another has written since is refused by its fence, and so is what is decided here.
    """

    def __init__(self, run: Run, regions: Sequence[str], addresses: Addresses, size: int) -> None:
        """`addresses` are those that the plan has so far of an audience of `size`."""
        self._run = run
        self._regions = regions
        self._addresses = addresses
        self._size = size

    async def decide(self, stretches: Sequence[People]) -> Batch:
        """Return what becomes of people who follow those decided on before.

        Between stretches whoever waits for an answer has a turn. Raises `Unavailable` if there are
        more people than were frozen.
        """
        if stretches[-1].first_ordinal + len(stretches[-1].marks) - 1 > self._size:
            raise Unavailable(
                "PEER_UNAVAILABLE",
                f"leads streams more people than the {self._size} it froze",
                peer="leads",
            )
        batch = Batch(stretches[0].first_ordinal, 0, [], [], Counter())
        planned = 0
        for people in stretches:
            decisions = planning.decide(self._run, people, self._regions)
            planning.share(decisions, self._addresses)
            planned += len(decisions.message_ids) - decisions.message_ids.count(None)
            await asyncio.sleep(0)
            batch.rows.extend(copying.rows(self._run, decisions))
            batch.chunks.extend(work.packed(decisions))
            batch.excluded.update(filter(None, decisions.reasons))
            await asyncio.sleep(0)
        return batch._replace(planned=planned)


@contextlib.asynccontextmanager
async def addresses(sessions: Sessions, run: Run, size: int) -> AsyncIterator[Addresses]:
    """Yield the addresses that a run's plan has so far, with room for an audience of `size`."""
    found = Addresses(size)
    try:
        after = 0
        while after < run.plan.cursor:
            async with sessions.begin() as session:
                tails, after = await recipients.addresses(session, run, after, _AT_ONCE)
            found.know(tails)
        yield found
    finally:
        found.close()


def merged(batches: Sequence[Batch]) -> Batch:
    """Return batches that follow each other as one."""
    return Batch(
        batches[0].first_ordinal,
        sum(each.planned for each in batches),
        [row for each in batches for row in each.rows],
        [chunk for each in batches for chunk in each.chunks],
        sum((each.excluded for each in batches), Counter()),
    )


async def plan(
    session: AsyncSession, run_id: UUID, fence: int, batch: Batch, lease: timedelta
) -> bool:
    """Write a batch with its cursor; False if this planner may not plan the run any more.

    The transaction is not waited for on the disk: if the database loses it, the cursor is lost
    with it, and nobody was told of anything before the plan is frozen, which is.
    """
    run = await leases.lock_plan(session, run_id, fence)
    if run is None or run.plan.cursor != batch.first_ordinal - 1:
        return False
    await plans.unawaited(session)
    before, planned = run.plan, batch.planned
    after = Plan(
        cursor=batch.last_ordinal,
        audience=before.audience + len(batch.rows),
        planned=before.planned + planned,
        excluded=Counter(before.excluded) + batch.excluded,
        regions=before.regions | {each.region for each in batch.chunks},
    )
    await recipients.copy(session, batch.rows)
    await chunks.plan(session, _chunks(run, batch))
    await leases.keep_plan(session, run.id, after, lease)
    await stored.count(session, run.id, {RecipientState.PLANNED: planned})
    await regions.make(session, run.id, sorted(after.regions - before.regions))
    return True


async def freeze(session: AsyncSession, run_id: UUID, fence: int, size: int, now: datetime) -> bool:
    """Freeze the plan once everybody was decided on; from here on messages are sent.

    False if this planner may not plan the run any more. Raises `Unavailable` if people are
    missing: leads streamed fewer than the `size` it froze.
    """
    run = await leases.lock_plan(session, run_id, fence)
    if run is None:
        return False
    if run.plan.audience != size:
        raise Unavailable(
            "PEER_UNAVAILABLE",
            f"leads streamed {run.plan.audience} of {size} people",
            peer="leads",
        )
    after = domain.planned(run, now)
    await stored.move(session, after)
    nudges.add(session, Worker.SENDER, Worker.CLOSER)
    await runs.announce(session, after, messages.planned, "plan", to=Class.FACTS)
    return True


def _chunks(run: Run, batch: Batch) -> list[chunks.Chunk]:
    """Return the chunks of a batch, each from where the one of its region before it ended."""
    reached: dict[str, int] = {}
    made = []
    for each in batch.chunks:
        made.append(
            chunks.Chunk(
                uuid_utils.compat.uuid7(),
                run.id,
                run.run_date,
                each.region,
                reached.get(each.region, batch.first_ordinal - 1),
                each.last_ordinal,
                each.size,
                each.payload,
            )
        )
        reached[each.region] = each.last_ordinal
    return made
