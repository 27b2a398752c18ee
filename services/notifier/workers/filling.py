"""Claims what fits into one second of sending, and prepares it."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from uuid import UUID

import structlog

from chassis.db import Sessions
from services.notifier.channels.wire import Wire
from services.notifier.config import Settings
from services.notifier.domain.scheduling import FairShare
from services.notifier.domain.work import Prepared
from services.notifier.storage import claims, lookups, runs
from services.notifier.usecases import claiming
from services.notifier.usecases.claiming import Batch
from services.notifier.workers import metrics
from services.notifier.workers.leases import now
from services.notifier.workers.preparing import Workshop

_LEAST, _MOST = 100, 1_000
_POLL_SECONDS = 0.2
_CONTROL_SOURCES = ("leads", "campaigns")

log = structlog.get_logger(__name__)


class Held:
    """Prepared messages without an attempt, those that belong to no run first."""

    def __init__(self) -> None:
        self._first: deque[Prepared] = deque()
        self._bulk: deque[Prepared] = deque()
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()

    def __len__(self) -> int:
        return len(self._first) + len(self._bulk)

    @property
    def urgent(self) -> int:
        """How many belong to no run."""
        return len(self._first)

    def add(self, prepared: Iterable[Prepared]) -> None:
        """Puts messages at the end of their line."""
        for it in prepared:
            (self._bulk if it.claimed.run_id else self._first).append(it)
        self._changed.set()

    def put_back(self, prepared: list[Prepared]) -> None:
        """Puts messages at the front of their line."""
        for it in reversed(prepared):
            (self._bulk if it.claimed.run_id else self._first).appendleft(it)

    def take(self, room: int, bulk_room: int) -> list[Prepared]:
        """Up to `room` messages, of runs no more than `bulk_room`; lapsed claims are dropped."""
        taken: list[Prepared] = []
        for line, limit in ((self._first, room), (self._bulk, bulk_room)):
            while line and len(taken) < min(room, limit):
                it = line.popleft()
                if it.claimed_until > now():
                    taken.append(it)
        self._taken.set()
        return taken

    def clear(self) -> list[Prepared]:
        """Takes everything out."""
        everything = [*self._first, *self._bulk]
        self._first.clear()
        self._bulk.clear()
        return everything

    def runs(self) -> Iterator[UUID]:
        """The runs of what is held."""
        yield from {it.claimed.run_id for it in self._bulk if it.claimed.run_id}

    async def changed(self) -> None:
        """Returns once something was added since the last call."""
        await self._changed.wait()
        self._changed.clear()

    async def taken(self) -> None:
        """Returns once something was asked for since the last call."""
        await self._taken.wait()
        self._taken.clear()


class Filler:
    """Keeps `Held` filled with about one second's worth."""

    def __init__(self, settings: Settings, sessions: Sessions, wire: Wire, held: Held) -> None:
        self.share = 1.0
        self._settings = settings
        self._sessions = sessions
        self._wire = wire
        self._held = held
        self._terms = claiming.Terms(
            settings.lease_seconds, settings.default_time_zone, settings.region
        )
        self._fair = FairShare()
        self._workshop = Workshop(settings)
        self._nudged = asyncio.Event()
        self._rate = 0.0
        self._counted = 0
        self._counted_at = now()

    def nudge(self) -> None:
        """Something new may wait."""
        self._nudged.set()

    def note_rate(self, count: int) -> None:
        """Counts ends, for the estimate of how many make a second."""
        self._counted += count
        passed = now() - self._counted_at
        if passed >= 1.0:
            self._rate = 0.5 * self._rate + 0.5 * self._counted / passed
            self._counted, self._counted_at = 0, now()

    async def fill(self) -> None:
        """Claims and prepares one batch, or waits until there may be one."""
        target = int(min(_MOST, max(_LEAST, self._rate)))
        wanted = target - len(self._held)
        claimed = 0
        if self._wire.capacity > 0:
            async with self._sessions.begin() as session:
                transactional, runs_wait = await claims.waiting(session, self._wire.channel)
            if transactional:
                claimed = await self._claim_transactional(min(_LEAST, target))
            if runs_wait and wanted >= target // 2:
                claimed += await self._claim_run(wanted)
        if claimed == 0:
            await self._wait()

    async def _claim_transactional(self, limit: int) -> int:
        if self._held.urgent >= limit:
            return 0
        asked_at = now()
        async with self._sessions.begin() as session:
            batch = await claiming.claim_transactional(
                session, self._wire.channel, limit, self._terms
            )
        return await self._prepare(batch, asked_at)

    async def _claim_run(self, wanted: int) -> int:
        asked_at = now()
        async with self._sessions.begin() as session:
            age = await lookups.control_age(session, _CONTROL_SOURCES)
            metrics.control_age.set(age)
            marketing = age <= self._settings.control_max_age_seconds
            found = await runs.runnable(session, self._wire.channel, marketing=marketing)
            batch = Batch()
            while found:
                picked = self._fair.pick(found, asked_at, self.share)
                if picked is None:
                    break
                run, room = picked
                limit = min(wanted, room)
                batch = await claiming.claim_run(session, run, limit, self._terms)
                self._fair.charge(run, batch.claimed)
                if batch.claimed:
                    break
                found.remove(run)
        return await self._prepare(batch, asked_at)

    async def _prepare(self, batch: Batch, asked_at: float) -> int:
        if not batch.claimed:
            return 0
        metrics.claimed.labels(self._wire.channel.name.lower()).inc(batch.claimed)
        # Half of the lease: what waits longer is better claimed again by who has room.
        claimed_until = asked_at + self._settings.lease_seconds / 2
        made = await self._workshop.prepare(batch, claimed_until)
        if made.failed:
            log.warning("messages_not_rendered", count=len(made.failed))
            async with self._sessions.begin() as session:
                await claiming.divert(session, made.failed, self._settings.region)
        self._held.add(made.ready)
        return batch.claimed

    async def _wait(self) -> None:
        if len(self._held) and self._wire.capacity:
            waits = [self._held.taken(), self._nudged.wait()]
        else:
            waits = [self._nudged.wait()]
        tasks = [asyncio.ensure_future(it) for it in waits]
        try:
            await asyncio.wait(tasks, timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        self._nudged.clear()
