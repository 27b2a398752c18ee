"""Brings runs to their end: those whose time has passed, were cancelled, or are done."""

from datetime import timedelta
from uuid import UUID

from chassis.db import Sessions
from services.campaigns.domain.clock import Clock
from services.campaigns.storage import partitions
from services.campaigns.storage import runs as stored
from services.campaigns.usecases import runs as usecases
from services.campaigns.workers import metrics

_DAYS_AHEAD = 3


class Closer:
    """Looks for runs to expire, to sweep and to finish; several replicas do so."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def round(self) -> bool:
        """Do what is due; True if there may be more at once."""
        async with self._sessions.begin() as session:
            due = await stored.due(session)
        for run_id in due.expired:
            async with self._sessions.begin() as session:
                await usecases.expire(session, run_id)
        moved = 0
        for run_id in due.left:
            async with self._sessions.begin() as session:
                moved += await usecases.sweep(session, run_id)
        for run_id in due.over:
            async with self._sessions.begin() as session:
                ended = await usecases.finish(session, run_id, self._clock())
            if ended:
                await self._measure(run_id)
        return bool(due.expired or moved)

    async def _measure(self, run_id: UUID) -> None:
        async with self._sessions.begin() as session:
            run = (await stored.get(session, run_id)).run
        if run.end_time is not None:
            took = (run.end_time - run.create_time).total_seconds()
            metrics.run_seconds.labels(run.channel.lower(), run.state.lower()).observe(took)

    async def prepare(self) -> bool:
        """Make room for the runs of today and days to come before anybody starts one."""
        today = usecases.run_date(self._clock())
        for day in (today + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD + 1)):
            async with self._sessions.begin() as session:
                await partitions.make(session, day)
        return False
