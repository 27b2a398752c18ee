"""Notes how fresh the news of withdrawals and pauses is, for every replica to see."""

import asyncio
from datetime import UTC, datetime

from chassis.db import Sessions
from chassis.db.patience import patiently
from chassis.events.event import Event
from services.notifier.storage import lookups

_APART_SECONDS = 0.5


class Heartbeats:
    """Told of heartbeats by the consumer; a background task writes the newest down.

    Clocks may differ: what counts is how much later than the quickest so far one arrived.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._newest: dict[str, tuple[datetime, float, float]] = {}
        self._quickest: dict[str, float] = {}
        self._some = asyncio.Event()
        self.__qualname__ = "heartbeats"

    def note(self, event: Event) -> None:
        """A heartbeat arrived, after everything its service had said before."""
        service = event.subject.rpartition(".")[2]
        took = (datetime.now(UTC) - event.time).total_seconds()
        quickest = min(took, self._quickest.get(service, took))
        self._quickest[service] = quickest
        at, lag = asyncio.get_running_loop().time(), took - quickest
        # Another replica, whose clock is behind, seems late: it takes nothing from what is newer.
        held = self._newest.get(service)
        if held is None or at - lag >= held[2] - held[1]:
            self._newest[service] = (event.time, lag, at)
        self._some.set()

    async def __call__(self) -> None:
        """Writes until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            # When it fails the age grows and no MARKETING is claimed, which is what it is for.
            await patiently(self._write, name=self.__qualname__)
            # What several replicas of several services tell meanwhile is written at once.
            await asyncio.sleep(_APART_SECONDS)

    async def _write(self) -> None:
        newest, self._newest = self._newest, {}
        now = asyncio.get_running_loop().time()
        news = [
            lookups.Heartbeat(service, told, lag + now - at)
            for service, (told, lag, at) in newest.items()
        ]
        await lookups.note_heartbeats(self._sessions, news)
