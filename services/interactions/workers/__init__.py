"""Work on time: series plan follow-ups, reminders are given, follow-ups open, batches go back."""

import structlog

from chassis import db
from services.interactions import metrics
from services.interactions.storage import deliveries
from services.interactions.usecases import expansion, follow_ups, reminding, reverting
from services.interactions.workers.rounds import Rounds

_BATCH = 200
_SERIES = 500
_REVERTED = 500
_MEASURE_SECONDS = 5.0

log = structlog.get_logger()


def open_due(sessions: db.Sessions) -> Rounds:
    """Returns the task that opens what is due; several replicas share the work."""

    async def more() -> bool:
        return await open_batch(sessions) == _BATCH

    return Rounds("open due follow-ups", more)


async def open_batch(sessions: db.Sessions) -> int:
    """Opens one batch in a transaction of its own; returns how many."""
    async with sessions.begin() as session:
        opened = await follow_ups.open_due(session, _BATCH)
    if opened:
        log.info("follow_ups_opened", count=len(opened))
    return len(opened)


def expand_series(sessions: db.Sessions) -> Rounds:
    """Returns the task that plans for series that are due; several replicas share the work."""

    async def more() -> bool:
        return bool(await expand_batch(sessions))

    return Rounds("expand due series", more)


async def expand_batch(sessions: db.Sessions) -> int:
    """Plans for one batch in a transaction of its own; returns how many series it looked at."""
    async with sessions.begin() as session:
        return await expansion.expand_due(session, _SERIES)


def give_reminders(sessions: db.Sessions) -> Rounds:
    """Returns the task that gives reminders that are due; several replicas share the work."""

    async def more() -> bool:
        return await remind_batch(sessions) == _BATCH

    return Rounds("give due reminders", more)


async def remind_batch(sessions: db.Sessions) -> int:
    """Gives one batch in a transaction of its own; returns how many were looked at."""
    async with sessions.begin() as session:
        return await reminding.give_due(session, _BATCH)


def revert_batches(sessions: db.Sessions) -> Rounds:
    """Returns the task that takes batches back; several replicas share the work."""

    async def more() -> bool:
        return await revert_page(sessions) is not None

    return Rounds("take batches back", more)


async def revert_page(sessions: db.Sessions, limit: int = _REVERTED) -> int | None:
    """Cancels one page in a transaction of its own; None where nothing is to be taken back."""
    async with sessions.begin() as session:
        return await reverting.go_on(session, limit)


def measure_due(sessions: db.Sessions) -> Rounds:
    """Returns the task that keeps current how late messages are, which an operator watches."""

    beside = db.aside(sessions)

    async def measure() -> bool:
        async with beside.begin() as session:
            metrics.due_age.set(await deliveries.backlog_seconds(session))
        return False

    return Rounds("measure what is due", measure, _MEASURE_SECONDS)
