"""AudienceService."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial

from crm.leads.v1 import audience_pb2, audience_service_pb2, audience_service_pb2_grpc
from google.protobuf.empty_pb2 import Empty

from chassis.db import Sessions
from chassis.errors import ResourceExhausted
from services.leads.domain.audience import MAX_CONTACTS, MAX_FROZEN, People
from services.leads.domain.fields import Checks
from services.leads.messages import audiences as messages
from services.leads.rpc.requests import Clock, Context, required_id
from services.leads.storage import audience_people
from services.leads.usecases import access, audiences

pb = audience_service_pb2

BATCH = 1_000
_ID_BYTES = 16
_MOST_AT_ONCE = MAX_CONTACTS * _ID_BYTES
# One query for several batches: planning and round trips cost less than memory here.
_READ = 8 * BATCH


class AudienceServicer(audience_service_pb2_grpc.AudienceServiceServicer):
    """People frozen for runs; the right is to read contacts."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def FreezeAudience(
        self, request: pb.FreezeAudienceRequest, context: Context
    ) -> audience_pb2.Audience:
        """Freezes an audience under the run's id."""
        checks = Checks()
        run_id = checks.id("run_id", request.run_id)
        query = messages.query(checks, request.query)
        checks.finish()
        async with self._sessions.begin() as session:
            found = await audiences.freeze(session, run_id, query, now=self._clock())
        return messages.audience(found)

    async def FreezeContacts(
        self, request_iterator: AsyncIterator[pb.FreezeContactsRequest], context: Context
    ) -> audience_pb2.Audience:
        """Freezes contacts that the caller chose; they are kept here until all have come."""
        checks, ids, run_id = Checks(), bytearray(), None
        async for part in request_iterator:
            if run_id is None:
                run_id = required_id(part.run_id, "run_id")
            if len(part.contact_ids) % _ID_BYTES or len(part.contact_ids) > _MOST_AT_ONCE:
                checks.wrong("contact_ids", "is not 16 bytes of each, or of more than 10,000")
                checks.finish()
            ids += part.contact_ids
            if len(ids) > MAX_FROZEN * _ID_BYTES:
                raise ResourceExhausted("TOO_LARGE", "too many contacts", limit=MAX_FROZEN)
        if run_id is None:
            run_id = required_id("", "run_id")
        async with self._sessions.begin() as session:
            found = await audiences.freeze_given(session, run_id, bytes(ids), now=self._clock())
        return messages.audience(found)

    async def StreamAudience(
        self, request: pb.StreamAudienceRequest, context: Context
    ) -> AsyncIterator[pb.StreamAudienceResponse]:
        """Streams an audience by ordinal; while one part is sent the next one is read."""
        scope = access.scope("read")
        checks = Checks()
        run_id = checks.id("run_id", request.run_id)
        view = messages.view(checks, request.view)
        if request.after_ordinal < 0:
            checks.wrong("after_ordinal", "is negative")
        checks.finish()
        async with self._sessions.begin() as session:
            size = (await audiences.get(session, run_id)).size
            are_close = await audience_people.are_close(session, size)
        reader = audience_people.Reader(run_id, view, scope, are_close=are_close)
        read = partial(self._read, reader)
        after = request.after_ordinal
        if after >= size:
            return
        # The first alone: whoever waits for it can begin.
        reading = asyncio.create_task(read(after, BATCH))
        try:
            while after < size:
                stretches = await reading
                if not stretches:
                    return  # released meanwhile
                last = stretches[-1]
                after = last.first_ordinal + len(last.marks) - 1
                if after < size:
                    reading = asyncio.create_task(read(after, _READ))
                for people in stretches:
                    yield messages.batch(people)
        finally:
            reading.cancel()
            # A read cut off within a statement ends with the driver's error, not as cancelled.
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(
        self, reader: audience_people.Reader, after: int, limit: int
    ) -> Sequence[People]:
        async with self._sessions.begin() as session:
            return await reader.read(session, after, limit)

    async def ProbeAudience(
        self, request: pb.ProbeAudienceRequest, context: Context
    ) -> pb.ProbeAudienceResponse:
        """Tells whether anybody is asked for."""
        checks = Checks()
        query = messages.query(checks, request.query)
        checks.finish()
        async with self._sessions.begin() as session:
            found = await audiences.anybody(session, query, now=self._clock())
        return pb.ProbeAudienceResponse(anybody=found)

    async def SampleAudience(
        self, request: pb.SampleAudienceRequest, context: Context
    ) -> pb.SampleAudienceResponse:
        """Shows how the people of a query would divide."""
        checks = Checks()
        query = messages.query(checks, request.query)
        view = messages.view(checks, request.view)
        if request.sample_size < 0:
            checks.wrong("sample_size", "is negative")
        checks.finish()
        async with self._sessions.begin() as session:
            found = await audiences.divide(
                session, query, view, request.sample_size, now=self._clock()
            )
        return messages.division(found)

    async def ReleaseAudience(self, request: pb.ReleaseAudienceRequest, context: Context) -> Empty:
        """Forgets an audience."""
        run_id = required_id(request.run_id, "run_id")
        async with self._sessions.begin() as session:
            await audiences.release(session, run_id)
        return Empty()
