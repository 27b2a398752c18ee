"""Claims what fits into one second of sending, and prepares it."""

import asyncio
from collections.abc import Sequence

import structlog

from chassis.db import Sessions
from services.notifier import stages
from services.notifier.channels.wire import Wire
from services.notifier.config import Settings
from services.notifier.domain.scheduling import FairShare
from services.notifier.domain.states import Channel, State
from services.notifier.domain.work import Prepared, Run
from services.notifier.storage import claims, lookups, runs
from services.notifier.usecases import claiming, rulebook
from services.notifier.usecases.claiming import Batch
from services.notifier.usecases.gating import Standards
from services.notifier.workers import metrics
from services.notifier.workers.enclosing import Enclosures
from services.notifier.workers.holding import Held
from services.notifier.workers.leases import Leases, now
from services.notifier.workers.preparing import Workshop
from services.notifier.workers.waiting import first_of

_LEAST, _MOST = 200, 2_000
_MOST_CLAIMED = 1_000
# What takes long to sign is made in small batches: what belongs to no run waits behind one.
_MOST_SLOW = 200
_POLL_SECONDS = 0.5
_RATE_SECONDS = 0.25
# Gates are passed again after so long, since hours and limits may have passed meanwhile.
STALE_SECONDS = 10.0
CONTROL_SOURCES = ("leads", "campaigns")

log = structlog.get_logger(__name__)


class Filler:
    """Keeps `Held` filled with about one second's worth."""

    def __init__(
        self, settings: Settings, sessions: Sessions, wire: Wire, held: Held, leases: Leases
    ) -> None:
        self.share = 1.0
        self.rate = 0.0
        self.yields = False  # a chunk waits for room to go straight to the wire
        self._settings = settings
        self._sessions = sessions
        self._wire = wire
        self._held = held
        self._leases = leases
        self.terms = claiming.Terms(
            claims.Holder(settings.instance, settings.lease_seconds),
            Standards(
                rulebook.load(settings.rules_file),
                settings.default_time_zone,
                settings.mac_key.get_secret_value().encode(),
            ),
            settings.region,
        )
        self._fair = FairShare()
        self.workshop = Workshop(settings, Enclosures(sessions), wire.crowd)
        self._nudged = asyncio.Event()
        self._counted = 0
        self._counted_at = now()

    def is_next(self, run: Run, waiting: Sequence[Run], count: int, at: float) -> bool:
        """Whether it is the turn of `count` messages of a run while others wait."""
        others = [it for it in waiting if it.run_id != run.run_id]
        picked = self._fair.pick([*others, run], at, self.share)
        return picked is not None and picked[0] is run and picked[1] >= count

    @staticmethod
    def note_gated(batch: Batch) -> None:
        """Counts by rule what the gates stopped."""
        for rule, count in batch.gated.items():
            # Why somebody was suppressed may be anything; a label may not.
            known = "suppression" if rule.startswith("suppression.") else rule
            metrics.gated.labels(known).inc(count)

    def charge(self, run: Run, count: int) -> None:
        """Counts messages of a run that were claimed elsewhere."""
        self._fair.charge(run, count)

    def nudge(self) -> None:
        """Something new may wait."""
        self._nudged.set()

    def note_rate(self, count: int) -> None:
        """Counts ends, for the estimate of how many make a second."""
        self._counted += count
        passed = now() - self._counted_at
        if passed >= _RATE_SECONDS:
            self.rate = 0.5 * self.rate + 0.5 * self._counted / passed
            self._counted, self._counted_at = 0, now()

    async def fill(self) -> None:
        """Claims and prepares one batch, or waits until there may be one."""
        if self._wire.channel is Channel.EMAIL:
            await self.workshop.renew_keys()
        target = int(min(_MOST, max(_LEAST, self.rate)))
        wanted = target - len(self._held)
        claimed = 0
        if self._wire.capacity > 0:
            waiting = await claims.waiting(self._sessions, self._wire.channel)
            if waiting.single:
                claimed = await stages.during("claim", self._claim_single(min(_LEAST, target)))
            if wanted >= target // 2 and not self.yields:
                claimed += await self._claim_bulk(waiting, min(wanted, self._most_claimed))
        if claimed == 0:
            await self._wait()

    @property
    def _most_claimed(self) -> int:
        return _MOST_SLOW if self.workshop.is_slow else _MOST_CLAIMED

    async def _claim_bulk(self, waiting: claims.Waiting, limit: int) -> int:
        """Claims what is not urgent: half each where both patient messages and runs wait."""
        claimed = 0
        if waiting.patient:
            most = limit // 2 if waiting.runs else limit
            claimed = await stages.during("claim", self._claim_patient(most))
        if waiting.runs:
            claimed += await stages.during("claim", self._claim_run(limit - claimed))
        return claimed

    async def _claim_patient(self, limit: int) -> int:
        asked_at = now()
        async with self._sessions.begin() as session:
            batch = await claiming.claim_single(
                session, self._wire.channel, limit, self.terms, patient=True
            )
        return await self._prepare(batch, asked_at)

    async def _claim_single(self, limit: int) -> int:
        if self._held.urgent >= limit:
            return 0
        asked_at = now()
        async with self._sessions.begin() as session:
            batch = await claiming.claim_single(session, self._wire.channel, limit, self.terms)
        return await self._prepare(batch, asked_at)

    async def _claim_run(self, wanted: int) -> int:
        asked_at = now()
        async with self._sessions.begin() as session:
            age = await lookups.control_age(session, CONTROL_SOURCES)
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
                batch = await claiming.claim_run(session, run, limit, self.terms)
                self._fair.charge(run, batch.claimed)
                if batch.claim:
                    break
                found.remove(run)
        return await self._prepare(batch, asked_at)

    async def _prepare(self, batch: Batch, asked_at: float) -> int:
        """Prepares what was claimed; returns how many messages that were, at least 1 of a claim."""
        if not batch.claim:
            return 0
        run_id = batch.run.run_id if batch.run else None
        self._leases.take(batch.claim, run_id, len(batch.messages), asked_at)
        metrics.claimed.labels(self._wire.channel.name.lower()).inc(batch.claimed)
        self.note_gated(batch)
        try:
            ready = await self._made(batch, asked_at)
        except BaseException:
            # Else it would be renewed for ever, and nobody would send what it covers.
            self._leases.drop(batch.claim)
            raise
        self._held.add(ready)
        return max(1, batch.claimed)

    async def _made(self, batch: Batch, asked_at: float) -> list[Prepared]:
        """Makes the messages; those that cannot be made have ended when it returns."""
        made = await self.workshop.prepare(
            batch, asked_at + STALE_SECONDS, asked_at + batch.closes_in
        )
        if made.failed:
            broken = sum(1 for _, to in made.failed if to.state is State.FAILED)
            if broken:
                log.warning("messages_not_rendered", count=broken)
            leaving = [message for message, _ in made.failed]
            async with self._sessions.begin() as session:
                await claiming.give_up(session, made.failed, self.terms)
                await claims.finish(session, self._leases.finished_by(leaving))
            self._leases.leave(leaving)
        return made.ready

    async def _wait(self) -> None:
        if len(self._held) and self._wire.capacity:
            waits = [self._held.taken(), self._nudged.wait()]
        else:
            waits = [self._nudged.wait()]
        await first_of(waits, within=_POLL_SECONDS)
        self._nudged.clear()
