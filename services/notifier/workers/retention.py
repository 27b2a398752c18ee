"""Lets go of messages of days long past, and makes the days to come."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError

from chassis import context
from chassis.db import Sessions, audit
from chassis.db.patience import patiently
from services.notifier.config import Settings
from services.notifier.storage import partitions, receipts, retention
from services.notifier.workers import metrics

_EVERY_SECONDS = 600.0
_AT_ONCE = 5_000
_DAYS_AHEAD = 3
_LOCK_NOT_AVAILABLE = "55P03"

log = structlog.get_logger(__name__)


class Retention:
    """A background task of the process; ends by itself once the process drains.

    Several replicas may do the same: one that comes second finds it done.
    """

    drains = True

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._sessions = sessions
        self._keep = timedelta(days=settings.messages_keep_days)
        self.__qualname__ = "retention"

    async def __call__(self) -> None:
        """Works until the process drains."""
        while not context.draining().is_set():
            await patiently(self.work, name=self.__qualname__)
            await context.pause(_EVERY_SECONDS)

    async def work(self) -> None:
        """Makes the days to come, gives up receipts that fit nothing, and lets go of old days."""
        today = datetime.now(UTC).date()
        for ahead in range(_DAYS_AHEAD + 1):
            await self._make(today + timedelta(days=ahead))
        await self._give_up_receipts()
        while not context.draining().is_set() and await self.round():
            pass

    async def round(self) -> bool:
        """Lets go of the oldest day that is due; True if there may be another."""
        async with self._sessions.begin() as session:
            day = await retention.unfinished(session)
            if day is None and self._keep:
                day = await retention.due(session, self._keep)
                is_gone = False
            else:
                is_gone = True
        if day is None:
            return False
        if not is_gone:
            await self.keep_short(day)
            if not await self.detach(day):
                return False
        return await self._finish(day)

    async def keep_short(self, day: date) -> None:
        """Writes what stays of a day; what is written already is brought up to date."""
        async with self._sessions.begin() as session:
            await partitions.create_past(session, day)
        after: UUID | None = retention.FIRST
        while after is not None:
            async with self._sessions.begin() as session:
                after = await retention.keep_short(session, day, after, _AT_ONCE)
        async with self._sessions.begin() as session:
            await retention.keep_totals(session, day)

    async def detach(self, day: date) -> bool:
        """Takes a day out; False if it has to stay for now."""
        try:
            async with self._sessions.begin() as session:
                await retention.detach(session, day, self._keep)
        except retention.Unsettled:
            return False
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            log.info("retention_waits", day=day.isoformat())
            return False
        return True

    async def _finish(self, day: date) -> bool:
        await self.keep_short(day)
        async with self._sessions.begin() as session:
            dropped = await retention.drop(session, day)
            if dropped is None:
                return False
            await audit.record(
                session,
                action="messages.let_go",
                subject_type="day",
                subject_id=day.isoformat(),
                after={"messages": dropped},
            )
        metrics.days_gone.inc()
        log.info("messages_dropped", day=day.isoformat(), messages=dropped)
        return True

    async def _make(self, day: date) -> None:
        async with self._sessions.begin() as session:
            if await partitions.missing(session, day):
                await partitions.create(session, day)

    async def _give_up_receipts(self) -> None:
        async with self._sessions.begin() as session:
            gone, unknown = await receipts.give_up(session)
        metrics.receipts_unmatched.labels("gone").inc(gone)
        metrics.receipts_unmatched.labels("unknown").inc(unknown)
        if gone or unknown:
            log.warning("receipts_unmatched", gone=gone, unknown=unknown)
