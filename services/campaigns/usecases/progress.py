"""What notifiers report moves recipients, the run's counters and its chunks together."""

from collections import Counter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.states import RecipientState
from services.campaigns.messages.work import Report
from services.campaigns.storage import chunks, recipients
from services.campaigns.storage import runs as stored


async def apply(session: AsyncSession, report: Report) -> int:
    """Apply what is news; returns how many recipients moved. Old news and strangers are dropped."""
    moved = await recipients.apply(session, report.run_date, report.news)
    states: Counter[RecipientState] = Counter()
    opened: Counter[UUID] = Counter()
    for each in moved:
        states[each.after] += each.people
        states[each.before] -= each.people
        if each.chunk_id is not None:
            entered = each.after is RecipientState.HANDED_OVER
            left = each.before is RecipientState.HANDED_OVER
            opened[each.chunk_id] += (entered - left) * each.people
    # Counters before chunks: everybody takes these locks in this order.
    await stored.count(session, report.run_id, states)
    if opened:
        await chunks.move(session, opened)
    return sum(each.people for each in moved)
