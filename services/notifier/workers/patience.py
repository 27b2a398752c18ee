"""Waits for a database that is away, and still ends when it is told to."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chassis import context
from chassis.db import failures

_PAUSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


async def patiently(step: Callable[[], Awaitable[object]], *, name: str) -> None:
    """Does a step; when the database is away or refuses it, says so and waits a little."""
    context.end_if_cancelled()
    try:
        await step()
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        context.end_if_cancelled()
        if failures.is_away(error) or isinstance(error, OSError):
            log.warning("worker_waits", worker=name, error=type(error).__name__)
        else:
            log.error(
                "worker_step_failed",
                worker=name,
                error=type(error).__name__,
                at=failures.where(error),
            )
        await asyncio.sleep(_PAUSE_SECONDS)
