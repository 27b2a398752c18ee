"""Hands planned recipients over to the notifiers, and publishes again what was not heard of."""

import asyncio
from datetime import timedelta
from uuid import UUID

import structlog

from chassis.db import Sessions
from chassis.events.connection import Connection
from chassis.events.publish import Outgoing, publish_one
from services.campaigns.domain.states import RunState
from services.campaigns.storage import chunks
from services.campaigns.storage import runs as stored
from services.campaigns.usecases import handover
from services.campaigns.usecases.handover import Chunk
from services.topology import notify_subject

CHUNK_TYPE = "crm.notifier.v1.Chunk"
_DUE_AT_ONCE = 20
_PUBLISHING = timedelta(seconds=30)
_LONGEST_SILENCE = timedelta(hours=1)

log = structlog.get_logger()


class Sender:
    """Makes chunks in one transaction and publishes them after it; several replicas do so."""

    def __init__(
        self, sessions: Sessions, nats: Connection, *, backlog: int, silence_seconds: float
    ) -> None:
        self._sessions = sessions
        self._nats = nats
        self._backlog = backlog
        self._silence = timedelta(seconds=silence_seconds)

    async def hand_over(self) -> bool:
        """Hand over a chunk a region of every run that has somebody waiting, in turn."""
        # With the broker away a chunk could only lie about, out of reach of a cancel.
        await self._nats.check()
        async with self._sessions.begin() as session:
            run_ids = await stored.waiting_ids(session, [RunState.SENDING])
        handed = [await self._hand_over(run_id) for run_id in run_ids]
        return any(handed)

    async def publish_due(self) -> bool:
        """Publish chunks whose maker died, and those a notifier has been silent about."""
        await self._nats.check()
        async with self._sessions.begin() as session:
            due = await chunks.claim_due(session, _DUE_AT_ONCE, _PUBLISHING)
        for each in due:
            log.info("chunk_published_again", chunk_id=str(each.id), publications=each.publications)
            await self._publish(Chunk(each.id, each.region, each.payload), each.publications)
        return bool(due)

    async def _hand_over(self, run_id: UUID) -> bool:
        async with self._sessions.begin() as session:
            made = await handover.hand_over(session, run_id, backlog=self._backlog)
        await asyncio.gather(*(self._publish(chunk, 0) for chunk in made))
        return bool(made)

    async def _publish(self, chunk: Chunk, publications: int) -> None:
        await publish_one(
            self._nats,
            Outgoing(
                subject=notify_subject(chunk.region, "bulk"),
                payload=chunk.payload,
                id=str(chunk.id),
                headers={"ce-id": str(chunk.id), "ce-type": CHUNK_TYPE},
            ),
        )
        again_in = min(self._silence * 2**publications, _LONGEST_SILENCE)
        async with self._sessions.begin() as session:
            await chunks.published(session, chunk.id, again_in)
