"""Keeps the gauges that only the database knows current; every replica tells the same."""

import asyncio
from collections.abc import Collection
from functools import partial

from chassis import db
from chassis.db.patience import patiently
from services.accounts import metrics
from services.accounts.usecases.letters import Scribe

_EVERY_SECONDS = 5.0


class Gauges:
    """A background task: how long letters have waited for the notifier.

    Beside those who hand them over, whom a notifier that is slow holds up.
    """

    def __init__(self, sessions: db.Sessions, scribes: Collection[Scribe]) -> None:
        self._sessions = db.aside(sessions)
        self._scribes = scribes
        self.__qualname__ = "gauges"

    async def __call__(self) -> None:
        """Measures for ever; a database that is away makes it wait."""
        while True:
            for scribe in self._scribes:
                await patiently(partial(self.measure, scribe), name=self.__qualname__)
            await asyncio.sleep(_EVERY_SECONDS)

    async def measure(self, scribe: Scribe) -> None:
        """Reads once how old the oldest of a correspondence is."""
        async with self._sessions.begin() as session:
            age = await scribe.queue.oldest_seconds(session)
        metrics.letters_age.labels(scribe.kin).set(age)
