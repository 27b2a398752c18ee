"""Makes the follow-ups of batches, one page of contacts after the other, from any replica.

Leads freezes a segment under the batch's id, and how far a batch is commits with what was made:
whoever goes on after a kill reads the same people from where the last commit was.
"""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from uuid import UUID

import grpc
import structlog

from chassis import db, errors
from services.interactions.clients import Leads
from services.interactions.clients.audiences import Audiences
from services.interactions.config import Settings
from services.interactions.domain.batches import Batch, State
from services.interactions.storage import batches, contacts
from services.interactions.usecases import batches as usecases
from services.interactions.workers.rounds import Rounds

PAGE = 500

log = structlog.get_logger(__name__)


class Maker(Rounds):
    """Makes what is due, one batch after the other."""

    def __init__(
        self, settings: Settings, sessions: db.Sessions, people: Audiences, leads: Leads
    ) -> None:
        super().__init__("make batches", self.round)
        self._sessions = sessions
        self._people = people
        self._leads = leads
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._wait = timedelta(seconds=settings.retry_seconds)

    async def round(self) -> bool:
        """Makes one batch; False where none is due."""
        async with self._sessions.begin() as session:
            held = await batches.claim(session, self._lease)
        if held is None:
            return False
        try:
            await self._make(held)
        except (errors.Error, grpc.aio.AioRpcError) as away:
            log.warning("batch_failed", error=type(away).__name__, batch=str(held.id))
            async with self._sessions.begin() as session:
                await batches.postpone(session, held, self._wait)
        return True

    async def _make(self, held: Batch) -> None:
        if held.segment_id is not None:
            size = await self._people.freeze(held.id, held.segment_id)
            async with self._sessions.begin() as session:
                await batches.count(session, held, size)
        async with contextlib.aclosing(self._pages(held)) as pages:
            async for cursor, ids in pages:
                await self._copy(ids)
                async with self._sessions.begin() as session:
                    if not await usecases.make(session, held, ids, cursor, self._lease):
                        break
        async with self._sessions.begin() as session:
            await usecases.complete_if_done(session, held)
            after = await batches.get(session, held.id)
        if held.segment_id is not None and (after is None or after.state is not State.RUNNING):
            with contextlib.suppress(errors.Error, grpc.aio.AioRpcError):
                await self._people.release(held.id)

    async def _pages(self, held: Batch) -> AsyncGenerator[tuple[int, Sequence[UUID]], None]:
        """Yields the contacts that are not done with by pages: the last ordinal, and who."""
        if held.segment_id is not None:
            async with contextlib.aclosing(self._people.contacts(held.id, held.cursor)) as frozen:
                async for page in frozen:
                    yield page
            return
        for at in range(held.cursor, len(held.contact_ids), PAGE):
            ids = held.contact_ids[at : at + PAGE]
            yield at + len(ids), ids

    async def _copy(self, ids: Sequence[UUID]) -> None:
        """Asks leads of contacts that no event told of yet, whose owners are not known."""
        async with self._sessions.begin() as session:
            known = await contacts.several(session, ids)
        unknown = [it for it in ids if it not in known]
        if not unknown:
            return
        told = await self._leads.contacts(unknown, on_behalf_of=None)
        async with self._sessions.begin() as session:
            await contacts.put(session, told)
