"""Work on time: series plan follow-ups, reminders are given, and follow-ups open."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chassis import db
from services.interactions.usecases import expansion, follow_ups, reminding

_BATCH = 200
_SERIES = 500

log = structlog.get_logger()


def open_due(sessions: db.Sessions, every_seconds: float) -> Callable[[], Awaitable[None]]:
    """Returns the task that opens what is due; several replicas share the work."""

    async def open_due_follow_ups() -> None:
        while True:
            try:
                while await open_batch(sessions) == _BATCH:
                    pass
            except (SQLAlchemyError, OSError) as away:
                log.info("opening_postponed", error=type(away).__name__)
            await asyncio.sleep(every_seconds)

    return open_due_follow_ups


async def open_batch(sessions: db.Sessions) -> int:
    """Opens one batch in a transaction of its own; returns how many."""
    async with sessions.begin() as session:
        opened = await follow_ups.open_due(session, _BATCH)
    if opened:
        log.info("follow_ups_opened", count=len(opened))
    return len(opened)


def expand_series(sessions: db.Sessions, every_seconds: float) -> Callable[[], Awaitable[None]]:
    """Returns the task that plans for series that are due; several replicas share the work."""

    async def expand_due_series() -> None:
        while True:
            try:
                while await expand_batch(sessions):
                    pass
            except (SQLAlchemyError, OSError) as away:
                log.info("expansion_postponed", error=type(away).__name__)
            await asyncio.sleep(every_seconds)

    return expand_due_series


async def expand_batch(sessions: db.Sessions) -> int:
    """Plans for one batch in a transaction of its own; returns how many series it looked at."""
    async with sessions.begin() as session:
        return await expansion.expand_due(session, _SERIES)


def give_reminders(sessions: db.Sessions, every_seconds: float) -> Callable[[], Awaitable[None]]:
    """Returns the task that gives reminders that are due; several replicas share the work."""

    async def give_due_reminders() -> None:
        while True:
            try:
                while await remind_batch(sessions) == _BATCH:
                    pass
            except (SQLAlchemyError, OSError) as away:
                log.info("reminding_postponed", error=type(away).__name__)
            await asyncio.sleep(every_seconds)

    return give_due_reminders


async def remind_batch(sessions: db.Sessions) -> int:
    """Gives one batch in a transaction of its own; returns how many were looked at."""
    async with sessions.begin() as session:
        return await reminding.give_due(session, _BATCH)
