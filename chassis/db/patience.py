"""What a worker does about a step that fails: it waits for what is away, and counts the rest."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chassis import context, errors, metrics
from chassis.db import failures

FAILURES = (SQLAlchemyError, OSError, errors.Unavailable)
"""What a step may raise while a part is away; `tell` knows whether it is."""

_PAUSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


async def patiently(step: Callable[[], Awaitable[object]], *, name: str) -> bool:
    """Does a step of the worker `name`; returns whether it was done.

    When the database or a peer is away or refuses it, `tell`s so and waits a little.
    """
    context.end_if_cancelled()
    try:
        await step()
    except FAILURES as error:
        context.end_if_cancelled()
        tell(name, error)
        await asyncio.sleep(_PAUSE_SECONDS)
        return False
    return True


@contextlib.contextmanager
def telling(worker: str) -> Iterator[None]:
    """Has what is done last fail without harm to what comes after it, and `tell`s so."""
    try:
        yield
    except FAILURES as error:
        tell(worker, error)


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
