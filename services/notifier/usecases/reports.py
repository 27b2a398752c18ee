"""Tells the others what became of messages, in the transaction that made it so."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from services.notifier import stages
from services.notifier.domain.states import ENDED, State
from services.notifier.domain.work import Failed, Key
from services.notifier.messages import progress, resources
from services.notifier.storage import batches, rows, runs

_TOGETHER = 500
_AGAIN = (State.QUEUED, State.DEFERRED)
_TOLD = ENDED | {State.IN_DOUBT}


async def announce(session: AsyncSession, changed: Sequence[rows.Changed], region: str) -> None:
    """Reports the changes, and wakes the runs that have something to send again."""
    if changed:
        await stages.during("report", _announce(session, changed, region))


async def announce_failed(session: AsyncSession, failed: Sequence[Failed]) -> None:
    """Tells which addresses are no good, so that nobody plans a message to them any more."""
    for at in range(0, len(failed), _TOGETHER):
        event = resources.addresses_failed(failed[at : at + _TOGETHER])
        await outbox.add(session, event, to=outbox.Class.FACTS)


async def _announce(session: AsyncSession, changed: Sequence[rows.Changed], region: str) -> None:
    for event in progress.reports(changed, region):
        await outbox.add(session, event.body, to=outbox.Class.FACTS, key=event.key)
    await _settled(session, [it for it in changed if it.run_id is None and it.state in _TOLD])
    await runs.wake(session, [it.run_id for it in changed if it.run_id and it.state in _AGAIN])


async def _settled(session: AsyncSession, changed: Sequence[rows.Changed]) -> None:
    if not changed:
        return
    ids = [it.message_id for it in changed]
    messages = await batches.get(session, [Key(it.run_date, it.message_id) for it in changed])
    callers = await batches.callers(session, ids)
    for at in range(0, len(ids), _TOGETHER):
        some = ids[at : at + _TOGETHER]
        event = progress.settled((messages[id], callers.get(id)) for id in some)
        await outbox.add(session, event, to=outbox.Class.FACTS)
