"""Hands planned recipients over to the notifiers, and publishes again what was not heard of."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import timedelta
from operator import attrgetter
from uuid import UUID

import structlog

from chassis import errors
from chassis.db import Sessions
from chassis.events.connection import Connection
from chassis.events.publish import Outgoing, publish
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
        """Hand over some chunks of every run that has somebody waiting, in turn."""
        # With the broker away a chunk could only lie about, out of reach of a cancel.
        await self._nats.check()
        async with self._sessions.begin() as session:
            run_ids = await stored.waiting_ids(session)
        handed = [await self._hand_over(run_id) for run_id in run_ids]
        return any(handed)

    async def publish_due(self) -> bool:
        """Publish chunks whose maker died, and those a notifier has been silent about."""
        await self._nats.check()
        async with self._sessions.begin() as session:
            looked_at, silent = await chunks.claim_due(session, _DUE_AT_ONCE, _PUBLISHING)
        for each in silent:
            async with self._sessions.begin() as session:
                chunk = await handover.again(session, each)
            log.info("chunk_published_again", chunk_id=str(each.id), publications=each.publications)
            await self._publish([chunk], each.publications)
        return bool(looked_at)

    async def _hand_over(self, run_id: UUID) -> bool:
        async with self._sessions.begin() as session:
            made = await handover.hand_over(session, run_id, backlog=self._backlog)
        by_region = itertools.groupby(made, key=attrgetter("region"))
        await asyncio.gather(*(self._publish(list(group), 0) for _, group in by_region))
        return bool(made)

    async def _publish(self, made: Sequence[Chunk], publications: int) -> None:
        """Publish chunks of one region; what the broker did not take is due again soon."""
        taken = await publish(self._nats, [_outgoing(each) for each in made])
        again_in = min(self._silence * 2**publications, _LONGEST_SILENCE)
        async with self._sessions.begin() as session:
            ids = [chunk.id for chunk, done in zip(made, taken, strict=True) if done]
            await chunks.published(session, ids, again_in)
        if len(ids) < len(made):
            raise errors.Unavailable("BROKER_REFUSED", "the broker did not take every chunk")


def _outgoing(chunk: Chunk) -> Outgoing:
    return Outgoing(
        subject=notify_subject(chunk.region, "bulk"),
        payload=chunk.payload,
        id=str(chunk.id),
        headers={"ce-id": str(chunk.id), "ce-type": CHUNK_TYPE},
    )
