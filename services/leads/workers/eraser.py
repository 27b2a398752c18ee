"""Works at erasures: asks everybody again and again, until nobody has anything left."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chassis import context, errors
from chassis.db import Sessions, audit
from chassis.events.connection import Connection
from chassis.sealing import SealBroken
from services.erasing import Erased, Person
from services.leads import metrics
from services.leads.clients import Answer, Peers
from services.leads.domain import erasure as rules
from services.leads.domain import person as people
from services.leads.domain.erasure import Erasure, Said, State
from services.leads.storage import erasures
from services.leads.usecases import erasing
from services.leads.workers import sweeping

OWN, STREAMS = "leads", "streams"
_LEASE = timedelta(minutes=15)

log = structlog.get_logger(__name__)


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
    ) -> None:
        self._sessions = sessions
        self._nats = nats
        self._peers = peers
        self._seal_key = seal_key
        self._clock = clock
        self._settle = settle
        self._every_seconds = every_seconds

    async def __call__(self) -> None:
        """Work until the process drains; a database that is away makes it wait."""
        while not context.draining().is_set():
            try:
                more = await self.work()
            except (SQLAlchemyError, OSError, errors.Unavailable) as away:
                log.info("erasure_postponed", error=type(away).__name__)
                more = False
            if not more:
                await context.pause(self._every_seconds)

    async def work(self) -> bool:
        """Do a round of one erasure that is due; returns whether there was any."""
        async with self._sessions.begin() as session:
            total, age = await erasures.unfinished(session)
            claimed = await erasures.claim(session, _LEASE)
        metrics.erasures_unfinished.set(total)
        metrics.oldest_erasure_age.set(age)
        if claimed is None:
            return False
        with context.bind(request_id=f"erasure-{claimed[0].id}"):
            await self._round(*claimed)
        return True

    async def _round(self, current: Erasure, sealed: bytes) -> None:
        try:
            person = people.unseal(sealed, self._seal_key)
        except SealBroken:
            log.error("erasure_unreadable", erasure_id=str(current.id))
            await self._give_back(current)
            return
        answers: dict[str, Answer] = {OWN: await self._own(person)}
        answers |= await self._peers.erase(current.id, person)
        answers[STREAMS], places = await self._streams(current, person)
        known = people.learnt(
            person, {it for a in answers.values() if isinstance(a, Erased) for it in a.subjects}
        )
        learnt = known.subjects != person.subjects
        after, pause = rules.heard(
            current,
            {name: _said(it) for name, it in answers.items()},
            now=self._clock(),
            settle=self._settle,
            learnt=learnt,
        )
        # With more to look for, every stream is read again from its beginning.
        after = replace(after, swept={} if learnt else places)
        await self._store(after, people.seal(known, self._seal_key), pause)

    async def _give_back(self, current: Erasure) -> None:
        """Leave one for whoever has its key: nobody else knows whom to look for."""
        after, pause = rules.unreadable(current, OWN)
        async with self._sessions.begin() as session:
            await erasures.give_back(session, after, pause)
        metrics.erasure_rounds.labels("unreadable").inc()

    async def _own(self, person: Person) -> Answer:
        async with self._sessions.begin() as session:
            return await erasing.erase(session, person)

    async def _streams(self, current: Erasure, person: Person) -> tuple[Answer, dict[str, int]]:
        try:
            swept = await sweeping.sweep(self._nats, current.id, person, current.swept)
        except errors.Unavailable as away:
            return away.reason, dict(current.swept)
        return swept.erased, swept.places

    async def _store(self, after: Erasure, sealed: bytes, pause: timedelta) -> None:
        done = after.state is State.DONE
        async with self._sessions.begin() as session:
            kept = await erasures.store(session, after, sealed, pause)
            if kept and done:
                await audit.record(
                    session,
                    action="erasure.end",
                    subject_type="erasure",
                    subject_id=str(after.id),
                    after={"rounds": after.rounds},
                )
        outcome = "done" if done else "clean" if after.quiet_since else "more"
        metrics.erasure_rounds.labels(outcome if kept else "lost").inc()
        log.info("erasure_round", erasure_id=str(after.id), number=after.rounds, outcome=outcome)


def _said(answer: Answer) -> Said:
    if isinstance(answer, str):
        return Said(trouble=answer)
    return Said(answer.counts, answer.waiting)
