"""Moves what time alone moves; every replica sweeps, and none waits for another."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from chassis import context
from chassis.db import Sessions
from chassis.db.patience import patiently
from services.notifier.config import Settings
from services.notifier.domain import gates
from services.notifier.domain.doubts import Act
from services.notifier.domain.states import Next
from services.notifier.domain.work import Run
from services.notifier.storage import (
    attempts,
    endings,
    intake,
    lapses,
    receipts,
    rows,
    runs,
    sweeps,
)
from services.notifier.usecases import claiming, doubts, gating, refusals, reports, rulebook
from services.notifier.workers import metrics

_LIMIT = 500
_CLAIMS = 20
_EVERY_SECONDS = 0.25
_SLOWLY_SECONDS = 30.0

log = structlog.get_logger(__name__)


class Sweeper:
    """A background task of the process; ends by itself once the process drains."""

    drains = True

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._policy = doubts.policy(settings)
        self._rules = rulebook.load(settings.rules_file)
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
        due = await sweeps.due(self._sessions)
        if due.receipts:
            await self._until_empty(receipts.apply)
        if due.lapsed:
            await self._end_claims()
        if due.runs:
            await self._end_runs()

    async def _end_claims(self) -> None:
        """Puts open attempts of lapsed claims in doubt, and lets the rest be claimed again."""
        while True:
            async with self._sessions.begin() as session:
                lapsed = await lapses.lapsed(session, _CLAIMS)
                doubts = 0
                for claim in lapsed:
                    changed = await attempts.reap(session, claim)
                    doubts += len(changed)
                    await reports.announce(session, changed, self._settings.region)
                    await claiming.free(session, claim, self._rules)
                await runs.wake(session, [it.run_id for it in lapsed if it.run_id])
            if lapsed:
                metrics.doubts.labels("lapsed").inc(doubts)
                metrics.claims_lapsed.inc(len(lapsed))
                log.warning("claims_lapsed", claims=len(lapsed), in_doubt=doubts)
            if len(lapsed) < _CLAIMS:
                return

    async def _end_runs(self) -> None:
        async with self._sessions.begin() as session:
            ended = await runs.ended_with_messages(session)
            late = await runs.past_their_time(session)
        for run in ended:
            await self._end_line(run, gates.ended(run))
        for run in late:
            await self._end_line(run, None)

    async def _end_line(self, run: Run, to: Next | None) -> None:
        """Ends what waits in a run's line, a stretch at a time, over and over until none is found.

        What another transaction holds is passed over, and found again or gone in the next round.
        """
        place, found = 0, 0
        while place < run.last_seq:
            async with self._sessions.begin() as session:
                place, changed = await endings.end_waiting(session, run, place, to)
                await reports.announce(session, changed, self._settings.region)
            found += len(changed)
        if found == 0 and to is not None:
            async with self._sessions.begin() as session:
                await endings.close_line(session, run)

    async def rest_runs(self) -> None:
        """Marks runs idle of which nothing is left, so that nobody looks at them any more."""
        async with self._sessions.begin() as session:
            idle = await runs.idle(session, _LIMIT)
        for run_id in idle:
            async with self._sessions.begin() as session:
                await runs.rest(session, run_id)

    async def _slowly(self) -> None:
        await self.rest_runs()
        # Before giving up: what may be sent again is.
        resent = await self._settle_doubts(Act.SENT_AGAIN)
        abandoned = await self._settle_doubts(Act.ABANDONED)
        metrics.doubts.labels("abandoned").inc(abandoned)
        metrics.doubts.labels("sent_again").inc(resent)
        if abandoned or resent:
            log.info("doubts_settled_by_policy", abandoned=abandoned, sent_again=resent)
        async with self._sessions.begin() as session:
            await intake.forget_keys(session)
            await receipts.prune(session, 1_000)
            await gating.prune(session, self._rules)
            ages = await gating.list_ages(session, self._rules)
        for name, age in ages.items():
            metrics.list_age.labels(name).set(age)
        refused = _LIMIT
        while refused == _LIMIT:
            async with self._sessions.begin() as session:
                refused = await refusals.take_silence_for_one(session, self._rules, _LIMIT)

    async def _settle_doubts(self, act: Act) -> int:
        policy, region = self._policy, self._settings.region
        total = 0
        while True:
            async with self._sessions.begin() as session:
                moved = await doubts.by_policy(session, act, policy, _LIMIT, region)
            total += len(moved)
            if len(moved) < _LIMIT:
                return total

    async def _until_empty(self, step: Callable[..., Awaitable[list[rows.Changed]]]) -> int:
        """Repeats a bounded step, one transaction each, while it finds as much as it may."""
        total = 0
        while True:
            async with self._sessions.begin() as session:
                changed = await step(session, _LIMIT)
                await reports.announce(session, changed, self._settings.region)
            total += len(changed)
            if len(changed) < _LIMIT:
                return total
