"""Notes how fresh the news of withdrawals and pauses is, for every replica to see."""

import asyncio
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chassis.db import Sessions
from chassis.events.event import Event
from services.notifier.storage import lookups

log = structlog.get_logger(__name__)


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
        self._newest[service] = (event.time, took - quickest, asyncio.get_running_loop().time())
        self._some.set()

    async def __call__(self) -> None:
        """Writes until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            newest, self._newest = self._newest, {}
            now = asyncio.get_running_loop().time()
            try:
                async with self._sessions.begin() as session:
                    for service, (told, lag, at) in sorted(newest.items()):
                        await lookups.note_heartbeat(session, service, told, lag + now - at)
            except (SQLAlchemyError, OSError) as error:
                # The age grows and no MARKETING is claimed, which is what this is for.
                log.warning("heartbeat_not_noted", error=type(error).__name__)
                await asyncio.sleep(0.2)
