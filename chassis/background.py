"""Background tasks: kept running while the process serves, and ended with it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from chassis import metrics

Background = Callable[[], Awaitable[None]]

# A query cancelled in the wrong moment holds its task for five seconds (psycopg waits for it).
CLEANUP_SECONDS = 7.0
_CANCEL_AGAIN_SECONDS = 3.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, _STEADY_SECONDS = 0.2, 30.0, 60.0

log = structlog.get_logger(__name__)


class Task:
    """A background task that is kept running, and how it wants to end."""

    def __init__(self, work: Background, draining: asyncio.Event) -> None:
        name = getattr(work, "__qualname__", None) or type(work).__name__
        self.drains = bool(getattr(work, "drains", False))
        self.task = asyncio.create_task(_keep_running(name, work, draining), name=name)


async def _keep_running(name: str, work: Background, draining: asyncio.Event) -> None:
    pause = _FIRST_PAUSE_SECONDS
    while not draining.is_set():
        began = time.monotonic()
        try:
            await work()
            return
        except Exception:  # the supervisor: whatever ended it is told, and it is started again
            metrics.background_crashes.labels(name).inc()
            log.exception("background_crashed", task=name, again_in_seconds=pause)
        if time.monotonic() - began > _STEADY_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancels tasks until they end; tells of one that does not."""
    left = set(tasks)
    deadline = time.monotonic() + CLEANUP_SECONDS
    # More than once, since some waits lose it; see `context.end_if_cancelled`.
    while left and time.monotonic() < deadline:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_SECONDS)
    for task in left:
        log.error("background_does_not_stop", task=task.get_name())
