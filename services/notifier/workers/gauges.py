"""Keeps the gauges that only the database knows current; every replica tells the same."""

import math
from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context, db
from chassis.db import Sessions
from chassis.db.patience import patiently
from services.notifier.storage import gauges, lookups
from services.notifier.workers import metrics
from services.notifier.workers.filling import CONTROL_SOURCES

_EVERY_SECONDS = 5.0

Figure = Callable[[AsyncSession], Awaitable[None]]


class Gauges:
    """A background task of the process; ends by itself once the process drains.

    It has a connection of its own: what it tells counts most while workers hold all others.
    """

    drains = True

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = db.aside(sessions)
        self.__qualname__ = "gauges"

    async def __call__(self) -> None:
        """Measures until the process drains."""
        while not context.draining().is_set():
            await self.measure()
            await context.pause(_EVERY_SECONDS)

    async def measure(self) -> None:
        """Reads each once; one that cannot be had in time keeps no other from being told."""
        for figure in _FIGURES:
            if context.draining().is_set():
                return
            await patiently(partial(self._tell, figure), name=self.__qualname__)

    async def _tell(self, figure: Figure) -> None:
        async with self._sessions.begin() as session:
            await figure(session)


async def _transactional(session: AsyncSession) -> None:
    _waits("transactional", await gauges.singles(session))


async def _bulk(session: AsyncSession) -> None:
    _waits("bulk", await gauges.lines(session))


def _waits(lane: str, found: gauges.Waiting) -> None:
    metrics.waiting.labels(lane).set(found.count)
    metrics.waiting_age.labels(lane).set(found.seconds)


async def _doubts(session: AsyncSession) -> None:
    doubts = await gauges.doubts(session)
    metrics.in_doubt.set(doubts.count)
    metrics.in_doubt_age.set(doubts.seconds)


async def _expiry(session: AsyncSession) -> None:
    expiry = await gauges.next_expiry(session)
    metrics.sender_expiry.set(math.inf if expiry is None else expiry)


async def _control(session: AsyncSession) -> None:
    # Here too, since who has nothing to claim does not ask.
    metrics.control_age.set(await lookups.control_age(session, CONTROL_SOURCES))


_FIGURES: tuple[Figure, ...] = (_transactional, _control, _bulk, _doubts, _expiry)
