"""Brings a chunk from the broker to the wire in one transaction, while the window has room."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from chassis import db
from chassis.db import Sessions
from services.notifier.channels.wire import Wire
from services.notifier.config import Settings
from services.notifier.domain.states import Purpose
from services.notifier.domain.work import Outgoing, Run
from services.notifier.messages.chunks import Chunk
from services.notifier.storage import claims, lookups
from services.notifier.usecases import straight
from services.notifier.usecases.claiming import Batch
from services.notifier.usecases.straight import Declined
from services.notifier.workers import metrics, preparing
from services.notifier.workers.filling import CONTROL_SOURCES, STALE_SECONDS, Filler
from services.notifier.workers.freshness import Freshness
from services.notifier.workers.leases import Leases, now

# Numbers of claims are fetched so many at once; those left over at the end are never used.
_IDS = 32
_MOST_KNOWN = 100
_MARKETING = (Purpose.MARKETING, Purpose.CONSENT_REQUEST)


class Made(NamedTuple):
    """A chunk whose messages are made, and what they were made with."""

    chunk: Chunk
    run: Run
    batch: Batch
    mails: preparing.Made


class Straight:
    """Stores a chunk with its attempts open; the engine says when there is room for them."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        wire: Wire,
        filler: Filler,
        leases: Leases,
        fresh: Freshness,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._wire = wire
        self._filler = filler
        self._leases = leases
        self._fresh = fresh
        self._ids: list[int] = []  # of claims to come
        self._known: dict[UUID, Batch] = {}  # what the newest chunk of a run was made with

    async def make(self, chunk: Chunk) -> Made | None:
        """Makes the messages of a chunk, before there is room for them and their gates are asked.

        None if it has to go the ordinary way.
        """
        try:
            batch = await self._look(chunk)
        except Declined:
            return None
        made = await self._filler.workshop.prepare(batch, now() + STALE_SECONDS)
        return None if batch.run is None else Made(chunk, batch.run, batch, made)

    async def take(self, given: Made) -> list[Outgoing] | None:
        """Those of the messages that may be written now; None if they go the ordinary way.

        What is not returned of a chunk was ended or waits for its time.
        """
        chunk, run, batch, made = given
        asked_at = now()
        try:
            failed = {message.key.message_id: to for message, to in made.failed}
            taken = await self._commit(straight.Ready(chunk, run, batch, failed), asked_at)
        except Declined:
            self._known.pop(chunk.told.run_id, None)
            return None
        self._remember(taken)
        self._leases.take(batch.claim, run.run_id, len(taken.messages), asked_at)
        self._filler.note_gated(taken)
        self._filler.charge(run, len(chunk.recipients))
        metrics.claimed.labels(self._wire.channel.name.lower()).inc(len(chunk.recipients))
        mails = made.ready
        if len(mails) != len(taken.messages):
            going = {it.key.message_id for it in taken.messages}
            mails = [it for it in mails if it.claimed.key.message_id in going]
        if math.isinf(taken.closes_in):
            return [Outgoing(it, 1) for it in mails]
        closes_at = asked_at + taken.closes_in
        return [Outgoing(it._replace(closes_at=closes_at), 1) for it in mails]

    async def _look(self, chunk: Chunk) -> Batch:
        """What the chunk is made with: as the one before it, while that went well.

        Whether it is still so is asked when the chunk is stored.
        """
        known = self._known.get(chunk.told.run_id)
        if known is not None and known.run is not None and self._ids:
            messages = straight.claimed(chunk, known.run, claim := self._ids.pop())
            return replace(
                known,
                claim=claim,
                messages=messages,
                claimed=len(messages),
                version=self._fresh.version,
            )
        async with self._sessions.begin() as session:
            if not self._ids:
                self._ids = await claims.next_ids(session, _IDS)
            return await straight.look(session, chunk, self._ids.pop())

    def _remember(self, taken: Batch) -> None:
        if taken.run is None or taken.run.kind.content_hash not in (taken.contents or {}):
            return
        self._known[taken.run.run_id] = replace(taken, messages=(), gated={})
        while len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]

    async def _commit(self, ready: straight.Ready, asked_at: float) -> Batch:
        """The messages whose attempt is committed."""

        def is_next(waiting: Sequence[Run]) -> bool:
            return self._filler.is_next(ready.run, waiting, len(ready.chunk.recipients), asked_at)

        terms = self._filler.terms
        async with self._sessions.begin() as session:
            # None of it takes a lock, so all is asked at once; each is read as of its own moment.
            together = db.Together(session)
            age = None
            if ready.run.kind.purpose in _MARKETING:
                age = together.add(lookups.ask_control_age(CONTROL_SOURCES))
            states = self._fresh.ask(together, ready.run.run_id)
            asked = straight.ask(together, ready, terms)
            await together.send()
            if age is not None and age() > self._settings.control_max_age_seconds:
                raise Declined
            await self._fresh.hear(session, states)
            if not self._fresh.reaches(ready.batch.version):
                raise Declined
            return await straight.take(session, ready, asked, terms, self._wire.provider, is_next)
