"""Tells the others what became of messages, in the transaction that made it so."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from services.notifier.domain.states import State
from services.notifier.messages import progress
from services.notifier.storage import rows, runs


async def announce(session: AsyncSession, changed: Sequence[rows.Message], region: str) -> None:
    """Reports the changes, and wakes the runs that have something to send again."""
    for event in progress.reports(changed, region):
        await outbox.add(
            session, event.body, to=outbox.Class.FACTS, key=event.key, revision=event.revision
        )
    queued = [it.run_id for it in changed if it.run_id and it.state is State.QUEUED]
    await runs.wake(session, queued)
