"""The rhythm of a worker: round after round while there is work, a pause while there is none."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import nats.errors
import structlog

from chassis import context, errors
from chassis.db import failures
from services.campaigns.storage import nudges
from services.campaigns.storage.nudges import Worker

_AWAY_SECONDS = 1.0

# Whoever is woken often, by every report, looks once for several of them.
_REST_SECONDS = 0.02

log = structlog.get_logger()


class Rounds:
    """A background task that repeats `work` until the process stops; `work` tells if it did any.

    While there is none it waits for `idle_seconds`, or until somebody wakes it (`woken_as`).
    A part that is away is waited for; any other failure ends the task, which is then started
    again. It ends by itself, between two rounds, when the process is asked to stop.
    """

    drains = True

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[bool]],
        idle_seconds: float,
        woken_as: Worker | None = None,
    ) -> None:
        self.__qualname__ = name
        self._work = work
        self._idle_seconds = idle_seconds
        self._woken_as = woken_as

    async def __call__(self) -> None:
        """Run until the process stops."""
        draining = context.draining()
        nudge = nudges.nudge(self._woken_as) if self._woken_as else asyncio.Event()
        while not draining.is_set():
            # Before the work: what comes while it looks must be looked at again.
            nudge.clear()
            try:
                pause = 0.0 if await self._work() else self._idle_seconds
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("worker_waits", worker=self.__qualname__, error=type(error).__name__)
                await _any_of((draining,), _AWAY_SECONDS)
            else:
                await _any_of((draining, nudge), pause)
                if pause:
                    await asyncio.sleep(_REST_SECONDS)


def is_away(error: Exception) -> bool:
    """Return whether `error` means that a part is away, which time heals."""
    if isinstance(error, errors.Unavailable | errors.DeadlineExceeded | nats.errors.Error):
        return True
    return failures.is_away(error)


async def _any_of(events: Sequence[asyncio.Event], seconds: float) -> None:
    """Return when one of the events is set, or after so long."""
    waits = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
