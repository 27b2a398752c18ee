"""Tells the others what became of messages, in the transaction that made it so."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from services.notifier import stages
from services.notifier.domain.states import ENDED, State
from services.notifier.domain.work import Failed
from services.notifier.messages import progress, resources
from services.notifier.storage import lookups, rows, runs

_TOGETHER = 500
_AGAIN = (State.QUEUED, State.DEFERRED)


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
    for one in changed:
        if one.run_id is None and one.state in ENDED:
            await _settled(session, one)
    await runs.wake(session, [it.run_id for it in changed if it.run_id and it.state in _AGAIN])


async def _settled(session: AsyncSession, one: rows.Changed) -> None:
    message = await lookups.get(session, one.message_id)
    if message is None:
        raise AssertionError("what was changed can be read")
    await outbox.add(
        session,
        progress.settled(message),
        to=outbox.Class.FACTS,
        key=str(one.message_id),
        revision=one.revision,
    )
