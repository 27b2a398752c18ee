"""The plan of a run is written batch by batch, each with the cursor in one transaction."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.outbox import Class
from chassis.errors import Unavailable
from services.campaigns.domain import planning
from services.campaigns.domain import runs as domain
from services.campaigns.domain.planning import Decision, Member
from services.campaigns.domain.runs import Plan, Run
from services.campaigns.domain.states import RecipientState
from services.campaigns.messages import runs as messages
from services.campaigns.messages import work
from services.campaigns.storage import copying, nudges, recipients, regions
from services.campaigns.storage import runs as stored
from services.campaigns.storage.nudges import Worker
from services.campaigns.usecases import runs

# After so many people whoever waits for an answer has a turn: the database works meanwhile.
SLICE = 100


class Batch(NamedTuple):
    """Decisions about a batch of people, and the rows they make."""

    decisions: list[Decision]
    rows: list[bytes]
    encode: Callable[[Decision, bytes], bytes]


async def prepare(run: Run, members: Sequence[Member], regions: Sequence[str]) -> Batch:
    """Decide on a batch as far as it alone tells; no database is asked.

    `regions` are those that have a notifier; whoever belongs to none of them is sent from the
    first.
    """
    encode, met = copying.encoder(run), set[str]()
    batch = Batch([], [], encode)
    for start in range(0, len(members), SLICE):
        decisions = planning.decide(run, members[start : start + SLICE], regions, met)
        batch.decisions.extend(decisions)
        batch.rows.extend([encode(each, work.packed(each)) for each in decisions])
        await asyncio.sleep(0)
    return batch


def merged(batches: Sequence[Batch]) -> Batch:
    """Return batches that follow each other as one; it takes over the first."""
    whole = batches[0]
    for each in batches[1:]:
        whole.decisions.extend(each.decisions)
        whole.rows.extend(each.rows)
    return whole


async def plan(
    session: AsyncSession, run_id: UUID, fence: int, batch: Batch, lease: timedelta
) -> bool:
    """Write a batch with its cursor; False if this planner may not plan the run any more."""
    run = await stored.lock_plan(session, run_id, fence)
    if run is None:
        return False
    batch = await _compared(session, run, _after(batch, run.plan.cursor))
    if not batch.rows:
        return True
    reasons = Counter(each.reason for each in batch.decisions if each.reason is not None)
    planned = [each for each in batch.decisions if each.reason is None]
    before = run.plan
    after = Plan(
        cursor=batch.decisions[-1].member.ordinal,
        audience=before.audience + len(batch.rows),
        planned=before.planned + len(planned),
        excluded=Counter(before.excluded) + reasons,
        regions=before.regions | {each.region for each in planned},
    )
    await recipients.copy(session, batch.rows)
    await stored.keep_plan(session, run.id, after, lease)
    await stored.count(session, run.id, {RecipientState.PLANNED: len(planned)})
    await regions.make(session, run.id, sorted(after.regions - before.regions))
    return True


async def freeze(session: AsyncSession, run_id: UUID, fence: int, size: int, now: datetime) -> bool:
    """Freeze the plan once everybody was decided on; from here on messages are sent.

    False if this planner may not plan the run any more. Raises `Unavailable` if people are
    missing: leads streamed fewer than the `size` it froze.
    """
    run = await stored.lock_plan(session, run_id, fence)
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


def _after(batch: Batch, cursor: int) -> Batch:
    """Return the part of a batch that the cursor has not passed."""
    passed = sum(each.member.ordinal <= cursor for each in batch.decisions)
    return Batch(batch.decisions[passed:], batch.rows[passed:], batch.encode)


async def _compared(session: AsyncSession, run: Run, batch: Batch) -> Batch:
    """Return the batch without those whose address was planned already, in it or before it."""
    wanted = [each.message_id for each in batch.decisions if each.message_id is not None]
    asked = bool(wanted) and run.plan.planned > 0
    taken = await recipients.already_planned(session, run, wanted) if asked else set()
    for place, each in enumerate(batch.decisions):
        if each.message_id is None:
            continue
        if each.message_id in taken:
            batch.decisions[place] = planning.shared(each)
            batch.rows[place] = batch.encode(batch.decisions[place], b"")
        taken.add(each.message_id)
    return batch
