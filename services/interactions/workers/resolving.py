"""Turns segments into deliveries when their follow-ups' time has come.

Leads freezes the segment under the follow-up's id: whoever goes on after a kill reads the same
people from where the last commit was.
"""

import contextlib
from datetime import timedelta

import grpc
import structlog

from chassis import db, errors
from services.interactions.clients.audiences import Audiences
from services.interactions.config import Settings
from services.interactions.domain import messages
from services.interactions.storage import follow_ups, resolutions
from services.interactions.storage.resolutions import Resolution
from services.interactions.usecases import deliveries
from services.interactions.workers.rounds import Rounds

log = structlog.get_logger(__name__)


class Resolver(Rounds):
    """Resolves what is due, one follow-up after the other."""

    def __init__(self, settings: Settings, sessions: db.Sessions, people: Audiences) -> None:
        super().__init__("resolve segments", self.round)
        self._sessions = sessions
        self._people = people
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._wait = timedelta(seconds=settings.retry_seconds)

    async def round(self) -> bool:
        """Resolves one segment; False where none is due."""
        async with self._sessions.begin() as session:
            held = await resolutions.claim(session, self._lease)
        if held is None:
            return False
        try:
            await self._resolve(held)
        except (errors.Error, grpc.aio.AioRpcError) as away:
            log.warning(
                "resolving_failed", error=type(away).__name__, follow_up=str(held.follow_up_id)
            )
            async with self._sessions.begin() as session:
                await resolutions.postpone(session, held, self._wait)
        return True

    async def _resolve(self, held: Resolution) -> None:
        async with self._sessions.begin() as session:
            kept = await follow_ups.get(session, held.follow_up_id)
        channel = messages.channel_of(kept.type) if kept else None
        if kept is None or kept.message is None or kept.segment_id is None or channel is None:
            return  # deleted meanwhile, and the resolution with it
        await self._people.freeze(kept.id, kept.segment_id)
        message = messages.loaded(kept.message)
        async with contextlib.aclosing(
            self._people.members(kept.id, channel, message, held.cursor)
        ) as batches:
            async for cursor, ids in batches:
                async with self._sessions.begin() as session:
                    if not await deliveries.resolve(session, held, ids, cursor, self._lease):
                        return
        async with self._sessions.begin() as session:
            await deliveries.resolved(session, held)
        with contextlib.suppress(errors.Error, grpc.aio.AioRpcError):
            await self._people.release(kept.id)
