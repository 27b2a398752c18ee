"""What notifiers report moves recipients, the run's counters and its regions together."""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.states import RecipientState
from services.campaigns.messages import work
from services.campaigns.messages.work import Report
from services.campaigns.storage import chunks, news, nudges, tallies
from services.campaigns.storage.nudges import Worker
from services.campaigns.usecases import handover


async def apply(session: AsyncSession, reports: Iterable[Report]) -> int:
    """Apply what is news; returns how many recipients moved. Old news and strangers are dropped."""
    return sum([await _apply(session, each) for each in work.merged(reports)])


async def _apply(session: AsyncSession, report: Report) -> int:
    moved = await news.apply(session, report.run_id, report.run_date, report.told)
    states: Counter[RecipientState] = Counter()
    opened: Counter[str] = Counter()
    because: Counter[tuple[RecipientState, str]] = Counter()
    for each in moved:
        states[each.after] += each.people
        states[each.before] -= each.people
        because[each.after, each.reason] += each.people
        because[each.before, each.old_reason] -= each.people
        entered = each.after is RecipientState.HANDED_OVER
        exited = each.before is RecipientState.HANDED_OVER
        opened[each.region] += (entered - exited) * each.people
    # Counters before regions before chunks: everybody takes these locks in this order.
    deltas = tallies.Deltas(states, because, opened)
    left, open_ = await tallies.move(session, report.run_id, deltas)
    if states[RecipientState.PLANNED]:
        # Heard of before they were handed over: a backup was restored here.
        await chunks.thin(
            session, report.run_id, report.run_date, [it.message_ids for it in report.told]
        )
    if left is not None and left.waiting and any(_has_room(open_[at], opened[at]) for at in open_):
        nudges.add(session, Worker.SENDER)
    if left is not None and not left.unsettled:
        nudges.add(session, Worker.CLOSER)
    return sum(each.people for each in moved)


def _has_room(now: int, delta: int) -> bool:
    """Return whether to hand over again: for several chunks at once, or when little is left."""
    step = handover.AT_ONCE * work.MAX_RECIPIENTS
    return now < work.MAX_RECIPIENTS or now // step < (now - delta) // step
