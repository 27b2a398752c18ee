"""One channel's engine: it claims, prepares, opens attempts, writes and settles.

Its loops share little: prepared messages in `_held`, claims and open attempts in `_leases`, ends
in `_outcomes`. A loop that meets a database that is away waits and goes on; what lapses meanwhile
is put in doubt by the sweeper of whoever lives.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import structlog

from chassis import context
from chassis.db import Sessions
from chassis.db.patience import patiently, telling
from services.notifier import stages
from services.notifier.channels.wire import Wire
from services.notifier.config import Settings
from services.notifier.domain.states import Reason, Result, Verdict
from services.notifier.domain.work import Outgoing, Prepared
from services.notifier.messages.chunks import Chunk
from services.notifier.storage import attempts, claims
from services.notifier.usecases import claiming, rulebook
from services.notifier.workers import metrics
from services.notifier.workers.admission import Admission
from services.notifier.workers.filling import Filler
from services.notifier.workers.freshness import Freshness
from services.notifier.workers.holding import Held
from services.notifier.workers.leases import Leases, now
from services.notifier.workers.outcomes import Outcomes
from services.notifier.workers.presence import Presence
from services.notifier.workers.room import Room
from services.notifier.workers.straight import Straight
from services.notifier.workers.waiting import first_of

_MOST_OPENED = 500
_STOP_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Engine:
    """A background task of the process; ends by itself once the process drains."""

    drains = True

    def __init__(self, settings: Settings, sessions: Sessions, wire: Wire) -> None:
        self._settings = settings
        self._sessions = sessions
        self._wire = wire
        self._rules = rulebook.load(settings.rules_file)
        self._held = Held()
        self._leases = Leases(settings.lease_seconds)
        self._fresh = Freshness(sessions, self._leases.runs)
        self._filler = Filler(settings, sessions, wire, self._held, self._leases)
        self._straight = Straight(settings, sessions, wire, self._filler, self._leases, self._fresh)
        self._room = Room(wire, self._leases)
        self._admission = Admission(wire, self._room, self._held, self._leases, self._filler)
        self._presence = Presence(settings, sessions, wire, self._filler, self._leases, self._room)
        self._outcomes = Outcomes(
            settings, sessions, self._leases, self._rules, wire.provider, self._committed
        )
        self._moved = asyncio.Event()
        self.__qualname__ = f"engine {wire.provider}"

    def nudge(self) -> None:
        """Something new may wait in the tables."""
        self._filler.nudge()

    async def __call__(self) -> None:
        """Runs until the process drains, then ends in order."""
        draining = context.draining()
        self._admission.closed = False
        self._held.clear()
        self._leases.clear()
        loops = (self._fill, self._submit, self._outcomes.flush, self._renew, self._presence.tell)
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(loop()) for loop in loops]
        fill, submit, flush, *others = tasks
        wire = asyncio.create_task(self._wire.run(self, self._done))
        stopped = asyncio.create_task(draining.wait())
        try:
            ends: list[asyncio.Task[Any]] = [stopped, wire, *tasks]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for loop in (wire, *tasks):
                if loop.done():
                    loop.result()
            await self._finish(fill, submit)
        finally:
            for task in (fill, submit, *others):
                task.cancel()
            stopped.cancel()
            await self._wire.close()
            wire.cancel()
            await asyncio.gather(wire, stopped, fill, submit, *others, return_exceptions=True)
            await self._flush_last(flush)

    async def _finish(self, *claiming: asyncio.Task[None]) -> None:
        """Stops claiming, gives back what has no attempt, waits for the answers to come."""
        # Cancelling a commit would leave attempts open that nobody knows of.
        self._admission.closed = True
        self._filler.nudge()
        await asyncio.wait(claiming, timeout=_STOP_SECONDS)
        with telling(f"{self.__qualname__} at its end"):
            await self._give_back(self._held.clear())
        grace = max(0.0, self._settings.shutdown_grace_seconds - 3.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while len(self._leases) or self._room.promised:
                    self._moved.clear()
                    await self._moved.wait()

    async def _flush_last(self, flush: asyncio.Task[None]) -> None:
        """Writes down what the wires told while they closed."""
        flush.cancel()
        await asyncio.gather(flush, return_exceptions=True)
        await self._outcomes.flush_last()
        with telling(f"{self.__qualname__} at its end"):
            await self._presence.end()

    def now(self, message: Outgoing) -> bool | None:
        """Asked by a wire right before each write; see `channels.wire.Permit`."""
        at = now()
        if not self._leases.holds(message, at):
            return False
        return self._fresh.allows(message.prepared, at) if self._fresh.is_fresh_at(at) else None

    async def ask(self, message: Outgoing) -> bool:
        """Asked by a wire where `now` could not tell."""
        return await self._fresh.ensure() and bool(self.now(message))

    def _done(self, message: Outgoing, result: Result) -> None:
        """Told by a wire at the end of each message."""
        if result.verdict is Verdict.TAKEN:
            self._settings.reach("after_provider_took")
        elif result.reason is Reason.THROTTLED:
            self._filler.workshop.domains.complained(message.claimed.address_key, time.monotonic())
        self._outcomes.add(message, result)

    async def _fill(self) -> None:
        while not self._admission.closed:
            await patiently(self._filler.fill, name=self.__qualname__)

    async def _submit(self) -> None:
        while not self._admission.closed:
            await patiently(self._submit_some, name=self.__qualname__)

    async def _submit_some(self) -> None:
        """Opens attempts for what the window can take now, and hands them to the wire."""
        self._outcomes.quarter = self._room.quarter
        room = min(self._room.free, _MOST_OPENED)
        if not self._worth_opening(room):
            await self._wait_for_room(room)
            return
        batch = self._held.take(room, min(room, self._room.free_for_runs))
        if not batch:
            await self._wait_for_room(room)
            return
        self._room.observe()
        await stages.during("open", self._open(batch))

    async def take(self, chunk: Chunk) -> int | None:
        """Stores a chunk and hands its messages to the wire at once; returns how many it stored.

        None if that cannot be: nothing of it is stored then. Waits a little for room.
        """
        count = len(chunk.recipients)
        if chunk.told.channel is not self._wire.channel or not self._admission.may_come(count):
            return None
        # Made first, so that no place of the window is empty meanwhile.
        made = await self._straight.make(chunk)
        if made is None or not await self._admission.room_for(count):
            return None
        self._room.promised += count
        try:
            going = await self._straight.take(made)
            if going is None:
                return None
            self._room.observe()
            self._hand_over(going)
        finally:
            self._room.promised -= count
            self._moved.set()
        return count

    async def _open(self, batch: list[Prepared]) -> None:
        """Commits the attempts of what may still go, and gives the rest back."""
        fresh = now()
        try:
            async with self._sessions.begin() as session:
                await self._fresh.refresh(session)
                allowed = [
                    it for it in batch if it.stale_at > fresh and self._fresh.allows(it, fresh)
                ]
                opened = await attempts.open_all(
                    session,
                    [it.claimed for it in allowed if self._leases.covers(it.claimed)],
                    provider=self._wire.provider,
                    worker=self._settings.instance,
                )
        except BaseException:
            self._leases.abandon(it.claimed for it in batch)
            self._held.put_back(batch)
            raise
        going, others = [], []
        for prepared in batch:
            claimed = prepared.claimed
            attempt = opened.get(claimed.key.message_id)
            if attempt is None or attempt.claim != claimed.claim:
                others.append(prepared)
            else:
                going.append(Outgoing(prepared, attempt.number))
        self._hand_over(going)
        if others:
            await self._give_back(others)

    def _hand_over(self, going: Sequence[Outgoing]) -> None:
        """Gives the wire messages whose attempts are committed."""
        with stages.spent(self._wire.provider):
            for message in going:
                self._leases.open(message)
                self._wire.submit(message)
        metrics.submitted(going)
        self._room.use(len(going))

    def _worth_opening(self, room: int) -> bool:
        """Whether to open attempts now: a quarter of the window at a time, or what is urgent."""
        least = min(self._outcomes.quarter, len(self._held), len(self._leases))
        return bool(self._held.urgent) or room >= least

    async def _give_back(self, prepared: list[Prepared]) -> None:
        """These pass the gates again at the next claim, unless they ended meanwhile.

        What was held under a claim that lapsed is the sweeper's: others may hold it by now.
        """
        leaving = [it.claimed for it in prepared]
        certain = [it for it in leaving if self._leases.is_sure(it)]
        committed: set[int] = set()
        try:
            async with self._sessions.begin() as session:
                held = await claims.held(session, [it.claim for it in certain])
                ours = [it for it in certain if it.claim in held]
                await claiming.give_back(session, ours, self._rules)
                finished = self._leases.finished_by(leaving)
                await claims.finish(session, [it for it in finished if it in held])
            committed = held
        finally:
            self._leases.abandon(it for it in leaving if it.claim not in committed)
            self._leases.leave(leaving)

    async def _wait_for_room(self, room: int) -> None:
        """Waits until a place in the window, a prepared message or a rate's token comes."""
        self._moved.clear()
        more = [self._held.changed()] if room > 0 else []
        await first_of([self._moved.wait(), *more], within=0.1)

    def _committed(self, count: int) -> None:
        """So many outcomes are written down: there is room for as many."""
        self._filler.note_rate(count)
        self._moved.set()
        self._admission.freed()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_seconds / 3)
            await patiently(self._renew_all, name=self.__qualname__)

    async def _renew_all(self) -> None:
        asked_at = now()
        async with self._sessions.begin() as session:
            holder = claims.Holder(self._settings.instance, self._settings.lease_seconds)
            renewed = await claims.renew(session, self._leases.claims(), holder)
        self._leases.renewed(renewed, asked_at)
