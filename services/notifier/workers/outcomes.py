"""How attempts ended, from what the wire tells until it is committed."""

import asyncio
import contextlib
import itertools
from collections import Counter, deque
from collections.abc import Callable

import structlog

from chassis.db import Sessions
from chassis.db.patience import patiently, telling
from services.notifier import stages
from services.notifier.config import Settings
from services.notifier.domain.credibility import Credibility
from services.notifier.domain.rules import Rules
from services.notifier.domain.states import Result, Verdict, says_dead
from services.notifier.domain.work import Outgoing
from services.notifier.usecases import settling
from services.notifier.workers import metrics
from services.notifier.workers.leases import Leases

# A commit of outcomes costs some milliseconds whatever their number, with the report of it that
# others apply: at 7,000 a second a tenth of a second gathers 700.
_GATHER_SECONDS = 0.1
_MOST_TOGETHER = 1_000

log = structlog.get_logger(__name__)


class Outcomes:
    """Ends of attempts in the order they were told, committed many at a time."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        leases: Leases,
        rules: Rules,
        provider: str,
        committed: Callable[[int], None],
    ) -> None:
        """`committed` is told of how many are written down."""
        self.quarter = 1
        """A quarter of the window."""
        self._settings = settings
        self._sessions = sessions
        self._leases = leases
        self._rules = rules
        self._provider = provider
        self._name = f"outcomes {provider}"
        self._committed = committed
        self._credibility = Credibility()
        self._ended: deque[settling.Ended] = deque()
        self._some = asyncio.Event()
        self._enough = asyncio.Event()

    def add(self, message: Outgoing, result: Result) -> None:
        """One attempt ended."""
        self._ended.append(settling.Ended(message, result))
        self._some.set()
        if self._is_enough():
            self._enough.set()

    async def flush(self) -> None:
        """Commits what ends until cancelled."""
        while True:
            if not self._ended:
                self._some.clear()
                await self._some.wait()
            await self._gather()
            flushing = patiently(self._flush_some, name=self._name)
            await stages.during("outcome", flushing)

    async def flush_last(self) -> None:
        """Commits what is left, or leaves it to lapse."""
        with telling(self._name):
            while self._ended:
                await self._flush_some()
        if self._ended:
            log.warning("outcomes_left_to_lapse", outcomes=len(self._ended))

    def _is_enough(self) -> bool:
        """Whether so many ended that it is worth a commit: a third of the window, or all."""
        ended = len(self._ended)
        return ended >= self.quarter * 4 // 3 or ended >= len(self._leases)

    async def _gather(self) -> None:
        """Waits a little for a third of the window to end, so that they share a commit."""
        self._enough.clear()
        if self._is_enough():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GATHER_SECONDS):
                await self._enough.wait()

    async def _flush_some(self) -> None:
        """Commits outcomes; they stay in line until that is done."""
        ended = list(itertools.islice(self._ended, _MOST_TOGETHER))
        leaving = self._leases.closing(it.message for it in ended)
        verdicts = Counter(it.result.verdict for it in ended)
        answers = verdicts[Verdict.TAKEN] + verdicts[Verdict.REFUSED]
        dead = 0
        if verdicts[Verdict.REFUSED]:
            dead = sum(says_dead(it.result) for it in ended)
        is_believed = self._credibility.believes(answers, dead)
        async with self._sessions.begin() as session:
            await settling.settle(
                session,
                ended,
                provider=self._provider,
                retry_seconds=self._settings.retry_deadline_seconds,
                region=self._settings.region,
                rules=self._rules,
                finished=self._leases.finished_by(leaving),
                is_believed=is_believed,
            )
            self._settings.reach("before_outcome_commit")
        for _ in ended:
            self._ended.popleft()
        self._leases.leave(leaving)
        self._credibility.note(answers, dead)
        if dead and not is_believed:
            metrics.disbelieved.labels(self._provider).inc(dead)
            log.warning("addresses_disbelieved", provider=self._provider, addresses=dead)
        for verdict, count in verdicts.items():
            metrics.attempts.labels(self._provider, verdict).inc(count)
        self._committed(len(ended))
