"""Hands planned recipients over to the notifiers, and publishes again what they do not have."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from operator import attrgetter
from uuid import UUID

import structlog

from chassis import errors
from chassis.db import Sessions
from chassis.events.connection import Connection
from chassis.events.publish import Outgoing, publish
from services.campaigns.clients.notifier import Senders
from services.campaigns.storage import chunks
from services.campaigns.storage import runs as stored
from services.campaigns.usecases import handover
from services.campaigns.usecases.handover import Chunk
from services.campaigns.workers import metrics
from services.topology import notify_subject

CHUNK_TYPE = "crm.notifier.v1.Chunk"
_DUE_AT_ONCE = 20
_PUBLISHING = timedelta(seconds=30)
_LONGEST_SILENCE = timedelta(hours=1)

log = structlog.get_logger()


class Sender:
    """Makes chunks in one transaction and publishes them after it; several replicas do so."""

    def __init__(
        self,
        sessions: Sessions,
        nats: Connection,
        notifier: Senders,
        *,
        backlog: int,
        silence_seconds: float,
    ) -> None:
        self._sessions = sessions
        self._nats = nats
        self._notifier = notifier
        self._backlog = backlog
        self._silence = timedelta(seconds=silence_seconds)

    async def hand_over(self) -> bool:
        """Hand over some chunks of every run that has somebody waiting, in turn.

        True if there may be more at once; whoever makes room later wakes this worker.
        """
        # With the broker away a chunk could only lie about, out of reach of a cancel.
        await self._nats.check()
        run_ids = await stored.waiting_ids(self._sessions)
        handed = [await self._hand_over(run_id) for run_id in run_ids]
        return any(handed)

    async def publish_due(self) -> bool:
        """Publish chunks whose maker died, and silent ones that their notifier does not have."""
        await self._nats.check()
        async with self._sessions.begin() as session:
            looked_at, silent = await chunks.claim_due(session, _DUE_AT_ONCE, _PUBLISHING)
        # Those first that no notifier can have: to ask one takes that it answers.
        await self._publish_again([each for each in silent if not each.publications])
        await self._publish_again(await self._missing([it for it in silent if it.publications]))
        return bool(looked_at)

    async def _missing(self, silent: Sequence[chunks.Chunk]) -> list[chunks.Chunk]:
        """Return the chunks that their notifier does not have.

        It takes a chunk whole or not at all, so that one message of each tells.
        """
        firsts: dict[UUID, UUID] = {}
        async with self._sessions.begin() as session:
            for each in silent:
                found = await chunks.first(session, each)
                if found is not None:
                    firsts[each.id] = found
        known: set[UUID] = set()
        for run_id in {each.run_id for each in silent}:
            wanted = [firsts[it.id] for it in silent if it.run_id == run_id and it.id in firsts]
            known.update(await self._notifier.known(run_id, wanted))
        missing = [it for it in silent if it.id in firsts and firsts[it.id] not in known]
        there = [it.id for it in silent if it not in missing]
        if there:
            async with self._sessions.begin() as session:
                await chunks.known(session, there, self._silence)
        return missing

    async def _publish_again(self, silent: Sequence[chunks.Chunk]) -> None:
        for each in silent:
            async with self._sessions.begin() as session:
                chunk = await handover.again(session, each)
            if chunk is None:
                continue
            metrics.chunks_republished.inc()
            log.warning("chunk_published_again", chunk_id=str(each.id), before=each.publications)
            await self._publish([chunk], each.publications)

    async def _hand_over(self, run_id: UUID) -> bool:
        async with self._sessions.begin() as session:
            made = await handover.hand_over(session, run_id, backlog=self._backlog)
        by_region = itertools.groupby(made, key=attrgetter("region"))
        await asyncio.gather(*(self._publish(list(group), 0) for _, group in by_region))
        return any(
            count >= handover.AT_ONCE for count in Counter(it.region for it in made).values()
        )

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
    # The broker must not take for known what it lost, or had taken from it, in its window.
    again = f":{chunk.publications}" if chunk.publications else ""
    return Outgoing(
        subject=notify_subject(chunk.region, "bulk"),
        payload=chunk.payload,
        id=f"{chunk.id}{again}",
        headers={"ce-id": str(chunk.id), "ce-type": CHUNK_TYPE},
    )
