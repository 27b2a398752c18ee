"""Brings a chunk from the broker to the wire in one transaction, while the window has room."""

import math
from collections.abc import Sequence

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
from services.notifier.workers import metrics
from services.notifier.workers.filling import CONTROL_SOURCES, STALE_SECONDS, Filler
from services.notifier.workers.freshness import Freshness
from services.notifier.workers.leases import Leases, now

_MARKETING = (Purpose.MARKETING, Purpose.CONSENT_REQUEST)


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

    async def take(self, chunk: Chunk) -> list[Outgoing] | None:
        """The messages of a chunk that may be written now; None if it has to go the ordinary way.

        What is not returned of a chunk was ended or waits for its time.
        """
        asked_at = now()
        try:
            async with self._sessions.begin() as session:
                batch = await straight.look(session, chunk, await claims.next_id(session))
            made = await self._filler.workshop.prepare(batch, asked_at + STALE_SECONDS)
            if batch.run is None:
                raise Declined
            failed = {message.key.message_id: to for message, to in made.failed}
            ready = straight.Ready(chunk, batch.run, batch, failed)
            taken = await self._commit(ready, asked_at)
        except Declined:
            return None
        self._leases.take(batch.claim, batch.run.run_id, len(taken.messages), asked_at)
        self._filler.note_gated(taken)
        self._filler.charge(batch.run, len(chunk.recipients))
        metrics.claimed.labels(self._wire.channel.name.lower()).inc(len(chunk.recipients))
        mails = made.ready
        if len(mails) != len(taken.messages):
            going = {it.key.message_id for it in taken.messages}
            mails = [it for it in mails if it.claimed.key.message_id in going]
        if math.isinf(taken.closes_in):
            return [Outgoing(it, 1) for it in mails]
        closes_at = asked_at + taken.closes_in
        return [Outgoing(it._replace(closes_at=closes_at), 1) for it in mails]

    async def _commit(self, ready: straight.Ready, asked_at: float) -> Batch:
        """The messages whose attempt is committed."""

        def is_next(waiting: Sequence[Run]) -> bool:
            return self._filler.is_next(ready.run, waiting, len(ready.chunk.recipients), asked_at)

        async with self._sessions.begin() as session:
            if ready.run.kind.purpose in _MARKETING:
                age = await lookups.control_age(session, CONTROL_SOURCES)
                if age > self._settings.control_max_age_seconds:
                    raise Declined
            await self._fresh.refresh(session, ready.run.run_id)
            terms = self._filler.terms
            return await straight.take(session, ready, terms, self._wire.provider, is_next)
