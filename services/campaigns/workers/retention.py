"""Lets go of recipients of runs that ended long ago; their figures and a short row each stay."""

from datetime import date, timedelta

import structlog

from chassis.db import Sessions, audit
from services.campaigns.storage import retention

_AT_ONCE = 5_000

log = structlog.get_logger()


class Retention:
    """Drops a day at a time; several replicas may, and one that was killed is done again."""

    def __init__(self, sessions: Sessions, keep_days: int) -> None:
        self._sessions = sessions
        self._keep = timedelta(days=keep_days)

    async def round(self) -> bool:
        """Drop the oldest day that is due; True if there may be another."""
        if not self._keep:
            return False
        async with self._sessions.begin() as session:
            day = await retention.due(session, self._keep)
        if day is None:
            return False
        await self.keep_short(day)
        async with self._sessions.begin() as session:
            dropped = await retention.drop(session, day, self._keep)
            if dropped:
                await audit.record(
                    session,
                    action="recipients.let_go",
                    subject_type="day",
                    subject_id=day.isoformat(),
                )
        if dropped:
            log.info("recipients_dropped", day=day.isoformat())
        return dropped

    async def keep_short(self, day: date) -> None:
        """Keep a short row of every recipient of a day."""
        async with self._sessions.begin() as session:
            runs = await retention.runs(session, day)
        for run_id in runs:
            after: int | None = -1
            while after is not None:
                async with self._sessions.begin() as session:
                    after = await retention.keep_short(session, day, run_id, after, _AT_ONCE)
