"""Keeps the gauges that only the database knows current; every replica tells the same."""

import math

from chassis import context
from chassis.db import Sessions
from chassis.db.patience import patiently
from services.notifier.storage import gauges, lookups
from services.notifier.workers import metrics
from services.notifier.workers.filling import CONTROL_SOURCES

_EVERY_SECONDS = 5.0


class Gauges:
    """A background task of the process; ends by itself once the process drains."""

    drains = True

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.__qualname__ = "gauges"

    async def __call__(self) -> None:
        """Measures until the process drains."""
        while not context.draining().is_set():
            await patiently(self.measure, name=self.__qualname__)
            await context.pause(_EVERY_SECONDS)

    async def measure(self) -> None:
        """Reads each once."""
        async with self._sessions.begin() as session:
            lanes = {
                "transactional": await gauges.singles(session),
                "bulk": await gauges.lines(session),
            }
            doubts = await gauges.doubts(session)
            expiry = await gauges.next_expiry(session)
            # Here too, since who has nothing to claim does not ask.
            age = await lookups.control_age(session, CONTROL_SOURCES)
        metrics.control_age.set(age)
        for lane, found in lanes.items():
            metrics.waiting.labels(lane).set(found.count)
            metrics.waiting_age.labels(lane).set(found.seconds)
        metrics.in_doubt.set(doubts.count)
        metrics.in_doubt_age.set(doubts.seconds)
        metrics.sender_expiry.set(math.inf if expiry is None else expiry)
