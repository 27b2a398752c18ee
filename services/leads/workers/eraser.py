"""Works at erasures: asks everybody again and again, until nobody has anything left."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import nats.errors
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context, errors
from chassis.db import Sessions, audit
from chassis.db.patience import patiently, telling
from chassis.events.connection import Connection
from chassis.sealing import SealBroken
from services.erasing import Erased, Person, Subject
from services.erasure_traces import Traces
from services.leads import metrics
from services.leads.clients import Answer, Peers
from services.leads.domain import erasure as rules
from services.leads.domain import person as people
from services.leads.domain.erasure import Erasure, Said, State
from services.leads.domain.person import Sought
from services.leads.storage import erasures
from services.leads.usecases import returning
from services.leads.workers import own, sweeping

OWN, STREAMS, NOTIFIERS = "leads", "streams", "notifiers"
_LEASE = timedelta(minutes=2)
# A batch of an import that had begun before the order began at most so long before it.
_UNDER_WAY = timedelta(minutes=5)

log = structlog.get_logger(__name__)


# What interactions forgot by its event and names since, as reports call it.
_NAMED = {
    "follow_up": "follow_ups",
    "note": "written_notes",
    "interaction": "interactions",
    "request": "requests",
    "proposal": "proposals",
    "series": "series",
}


class _Lost(Exception):
    """Somebody else took the erasure up since."""


class Eraser:
    """A background task; several replicas share the work, and a killed one's is taken up."""

    drains = True

    def __init__(
        self,
        sessions: Sessions,
        nats: Connection,
        peers: Peers,
        seal_key: str,
        clock: Callable[[], datetime],
        *,
        settle: timedelta,
        every_seconds: float,
        lease: timedelta = _LEASE,
    ) -> None:
        self._sessions = sessions
        self._traces = Traces(sessions)
        self._lease = lease
        self._nats = nats
        self._peers = peers
        self._seal_key = seal_key
        self._clock = clock
        self._settle = settle
        self._every_seconds = every_seconds

    async def __call__(self) -> None:
        """Work until the process drains; a database that is away makes it wait."""
        while not context.draining().is_set():
            await patiently(self._all, name="erase")
            await context.pause(self._every_seconds)

    async def _all(self) -> None:
        while not context.draining().is_set() and await self.work():
            pass

    async def work(self) -> bool:
        """Do a round of one erasure that is due; returns whether there was any."""
        async with self._sessions.begin() as session:
            total, age = await erasures.unfinished(session)
            claimed = await erasures.claim(session, self._lease)
        metrics.erasures_unfinished.set(total)
        metrics.oldest_erasure_age.set(age)
        if claimed is None:
            return False
        with context.bind(request_id=f"erasure-{claimed[0].id}"):
            await self._round(*claimed)
        return True

    async def _round(self, current: Erasure, sealed: bytes) -> None:
        try:
            found = people.unseal(sealed, self._seal_key)
        except SealBroken:
            log.error("erasure_unreadable", erasure_id=str(current.id))
            await self._give_back(current)
            return
        try:
            async with self._renewed(current):
                await self._ask(current, found)
        except _Lost:
            metrics.erasure_rounds.labels("lost").inc()
            log.info("erasure_round", erasure_id=str(current.id), outcome="lost")

    async def _ask(self, current: Erasure, before: Sought) -> None:
        found, person, came = await self._person(current, before)
        addresses = frozenset(person.addresses)
        grew = not addresses <= before.looked
        clean = {} if grew or came else current.swept
        mine, files = await own.erase(self._sessions, self._traces, person, clean)
        mine.add("contacts", came)
        answers: dict[str, Answer] = {OWN: mine}
        answers |= await self._peers.erase(current.id, person)
        known = found.learnt(
            {it for a in answers.values() if isinstance(a, Erased) for it in a.subjects}
        )
        new = known.subjects - before.subjects
        if new:
            # With more to look for, every stream is read again from its beginning.
            clean, person = {}, replace(person, subjects=known.subjects)
            await self._learn(current, known)
        swept, places = await self._streams(current, person, clean)
        counted = new if current.end_time is None else frozenset()
        after, pause = rules.heard(
            current,
            {name: _said(it, counted) for name, it in {**answers, **swept}.items()},
            now=self._clock(),
            settle=self._settle,
            learnt=bool(new) or (grew and current.quiet_since is not None),
        )
        after = replace(after, swept={**places, **files})
        looked = people.seal(replace(known, looked=addresses), self._seal_key)
        await self._store(after, looked, pause)

    async def _person(self, current: Erasure, before: Sought) -> tuple[Sought, Person, int]:
        """Return whom to look for this time: addresses that others have by now are left alone."""
        now = self._clock()
        since = current.request_time - _UNDER_WAY
        async with self._sessions.begin() as session:
            found, came = await returning.returned(session, before, since=since, now=now)
            shared = await returning.shared(session, found)
            if came:
                await self._keep(session, current, found)
        return found, found.alone(shared), came

    async def _learn(self, current: Erasure, known: Sought) -> None:
        """Store what somebody may have said for the only time, before anything else can fail."""
        async with self._sessions.begin() as session:
            await self._keep(session, current, known)

    async def _keep(self, session: AsyncSession, current: Erasure, known: Sought) -> None:
        if not await erasures.keep(session, current, people.seal(known, self._seal_key)):
            raise _Lost

    @contextlib.asynccontextmanager
    async def _renewed(self, current: Erasure) -> AsyncIterator[None]:
        """Keep others from taking it up, however long a round lasts."""
        renewing = asyncio.create_task(self._renew(current))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _renew(self, current: Erasure) -> None:
        kept = True
        while kept:
            await asyncio.sleep(self._lease.total_seconds() / 4)
            with telling("renew erasures"):
                async with self._sessions.begin() as session:
                    kept = await erasures.renew(session, current, self._lease)

    async def _give_back(self, current: Erasure) -> None:
        """Leave one for whoever has its key: nobody else knows whom to look for."""
        after, pause = rules.unreadable(current, OWN)
        async with self._sessions.begin() as session:
            await erasures.give_back(session, after, pause)
        metrics.erasure_rounds.labels("unreadable").inc()

    async def _streams(
        self, current: Erasure, person: Person, clean: Mapping[str, int]
    ) -> tuple[dict[str, Answer], dict[str, int]]:
        streams = {name: at for name, at in clean.items() if not name.startswith(own.FILE)}
        try:
            swept = await sweeping.sweep(self._nats, current.id, person, streams)
        except errors.Unavailable as away:
            return {STREAMS: away.reason}, streams
        except (nats.errors.Error, OSError) as failed:
            log.info("erasure_streams_failed", error=type(failed).__name__)
            return {STREAMS: "BROKER_FAILED"}, streams
        answers: dict[str, Answer] = {STREAMS: swept.erased}
        if swept.regions > self._peers.notifiers:
            answers[NOTIFIERS] = "NOTIFIER_UNKNOWN"
        elif NOTIFIERS in current.parts:
            answers[NOTIFIERS] = Erased()
        return answers, swept.places

    async def _store(self, after: Erasure, sealed: bytes, pause: timedelta) -> None:
        done = after.state is State.DONE
        async with self._sessions.begin() as session:
            if not await erasures.store(session, after, sealed, pause):
                raise _Lost
            if done:
                await audit.record(
                    session,
                    action="erasure.end",
                    subject_type="erasure",
                    subject_id=str(after.id),
                    after={"rounds": after.rounds},
                )
        outcome = "done" if done else "clean" if after.quiet_since else "more"
        metrics.erasure_rounds.labels(outcome).inc()
        log.info("erasure_round", erasure_id=str(after.id), number=after.rounds, outcome=outcome)


def _said(answer: Answer, new: Collection[Subject]) -> Said:
    """Return an answer as it counts: what went with the contact's event is known by its ids."""
    if isinstance(answer, str):
        return Said(trouble=answer)
    named = (_NAMED[kind] for kind, _ in answer.subjects & set(new) if kind in _NAMED)
    return Said({**answer.counts, **Counter(named)}, answer.waiting)
