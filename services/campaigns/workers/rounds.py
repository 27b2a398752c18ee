"""The rhythm of a worker: round after round while there is work, a pause while there is none."""

import asyncio
from collections.abc import Awaitable, Callable

import nats.errors
import structlog

from chassis import context, errors
from chassis.db import failures

_AWAY_SECONDS = 1.0

log = structlog.get_logger()


class Rounds:
    """A background task that repeats `work` until the process stops; `work` tells if it did any.

    A part that is away is waited for; any other failure ends the task, which is then started
    again. It ends by itself, between two rounds, when the process is asked to stop.
    """

    drains = True

    def __init__(self, name: str, work: Callable[[], Awaitable[bool]], idle_seconds: float) -> None:
        self.__qualname__ = name
        self._work = work
        self._idle_seconds = idle_seconds

    async def __call__(self) -> None:
        """Run until the process stops."""
        draining = context.draining()
        while not draining.is_set():
            try:
                pause = 0.0 if await self._work() else self._idle_seconds
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("worker_waits", worker=self.__qualname__, error=type(error).__name__)
                pause = _AWAY_SECONDS
            await _unless(draining, pause)


def is_away(error: Exception) -> bool:
    """Return whether `error` means that a part is away, which time heals."""
    if isinstance(error, errors.Unavailable | errors.DeadlineExceeded | nats.errors.Error):
        return True
    return failures.is_away(error)


async def _unless(draining: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await draining.wait()
    except TimeoutError:
        return
