"""Moves what time alone moves; every replica sweeps, and none waits for another."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from chassis import context
from chassis.db import Sessions
from services.notifier.config import Settings
from services.notifier.domain import gates
from services.notifier.storage import claims, intake, receipts, rows, runs, sweeps
from services.notifier.usecases import reports
from services.notifier.workers import metrics
from services.notifier.workers.patience import patiently

_LIMIT = 500
_EVERY_SECONDS = 0.25
_SLOWLY_SECONDS = 30.0

log = structlog.get_logger(__name__)


class Sweeper:
    """A background task of the process; ends by itself once the process drains."""

    drains = True

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self.__qualname__ = "sweeper"

    async def __call__(self) -> None:
        """Sweeps until the process drains."""
        await asyncio.gather(
            self._keep(self._often, _EVERY_SECONDS), self._keep(self._slowly, _SLOWLY_SECONDS)
        )

    async def _keep(self, sweep: Callable[[], Awaitable[None]], pause: float) -> None:
        draining = context.draining()
        while not draining.is_set():
            await patiently(sweep, name=self.__qualname__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await draining.wait()

    async def _often(self) -> None:
        async with self._sessions.begin() as session:
            due = await sweeps.due(session)
        if due.receipts:
            await self._until_empty(receipts.apply)
        if due.lapsed:
            lapsed = await self._until_empty(claims.reap)
            metrics.doubts.labels("lapsed").inc(lapsed)
            log.warning("attempts_lapsed", count=lapsed)
        if due.deferred:
            await self._until_empty(sweeps.requeue_due)
        if due.runs:
            await self._end_runs()

    async def _end_runs(self) -> None:
        async with self._sessions.begin() as session:
            ended = await runs.ended_with_messages(session)
            late = await sweeps.past_their_time(session)
        for run in ended:
            to = gates.ended(run)
            await self._until_empty(lambda s, n, r=run, t=to: sweeps.end_run(s, r, t, n))
            async with self._sessions.begin() as session:
                await runs.rest(session, run.run_id)
        for run_id in late:
            async with self._sessions.begin() as session:
                found = await runs.get(session, run_id)
            if found is not None:
                await self._until_empty(lambda s, n, r=found: sweeps.expire_due(s, r, n))

    async def _slowly(self) -> None:
        older, again = (
            self._settings.in_doubt_abandon_seconds,
            self._settings.in_doubt_resend_seconds,
        )
        abandoned = await self._until_empty(lambda s, n: sweeps.abandon(s, older, n))
        resent = await self._until_empty(lambda s, n: sweeps.send_again(s, again, n))
        metrics.doubts.labels("abandoned").inc(abandoned)
        metrics.doubts.labels("sent_again").inc(resent)
        if abandoned or resent:
            log.info("doubts_settled_by_policy", abandoned=abandoned, sent_again=resent)
        async with self._sessions.begin() as session:
            await runs.wake_forgotten(session)
            await intake.forget_keys(session)
            await receipts.prune(session, 1_000)

    async def _until_empty(self, step: Callable[..., Awaitable[list[rows.Message]]]) -> int:
        """Repeats a bounded step, one transaction each, while it finds as much as it may."""
        total = 0
        while True:
            async with self._sessions.begin() as session:
                changed = await step(session, _LIMIT)
                await reports.announce(session, changed, self._settings.region)
            total += len(changed)
            if len(changed) < _LIMIT:
                return total
