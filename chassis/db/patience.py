"""What a worker does about a step that fails: it waits for what is away, and counts the rest."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chassis import context, errors, metrics
from chassis.db import failures

_PAUSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


async def patiently(step: Callable[[], Awaitable[object]], *, name: str) -> bool:
    """Does a step of the worker `name`; returns whether it was done.

    When the database or a peer is away or refuses it, `tell`s so and waits a little.
    """
    context.end_if_cancelled()
    try:
        await step()
    except (SQLAlchemyError, OSError, errors.Unavailable) as error:
        context.end_if_cancelled()
        tell(name, error)
        await asyncio.sleep(_PAUSE_SECONDS)
        return False
    return True


def tell(worker: str, error: Exception) -> None:
    """Says why a step of a worker failed; one that failed though all parts are there is a crash."""
    if is_away(error):
        log.warning("worker_waits", worker=worker, error=type(error).__name__)
        return
    metrics.background_crashes.labels(worker).inc()
    log.error(
        "worker_step_failed",
        worker=worker,
        error=type(error).__name__,
        at=failures.where(error),
    )


def is_away(error: Exception) -> bool:
    """Returns whether a step failed since a part is away, which time heals."""
    return failures.is_away(error) or isinstance(error, OSError | errors.Unavailable)
