"""Leads: whom messages go to, as they are now."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from uuid import UUID, uuid4

import grpc
from crm.leads.v1 import audience_service_pb2 as pb
from crm.leads.v1 import audience_service_pb2_grpc

from chassis import errors
from chassis.config import ServiceSettings
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from services.interactions.domain.messages import Channel, Message
from services.interactions.domain.senders import Sender
from services.interactions.messages import people
from services.interactions.messages.people import Person

# One statement over everybody; a million people take a while.
FREEZE_SECONDS = 300.0
STREAM_SECONDS = 3_600.0


class Audiences:
    """Calls to leads under our own identity; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._audiences = audience_service_pb2_grpc.AudienceServiceStub(channel)

    async def get(
        self, contact_ids: Collection[UUID], channel: Channel, message: Message | Sender
    ) -> dict[UUID, Person]:
        """Returns contacts, at most 1,000, with address, consent and values for a message.

        They are read as an audience of their own, which is the one place that knows consents.
        """
        frozen = uuid4()
        ids = b"".join(it.bytes for it in sorted(set(contact_ids)))

        async def given() -> AsyncIterator[pb.FreezeContactsRequest]:
            yield pb.FreezeContactsRequest(run_id=str(frozen), contact_ids=ids)

        try:
            await self._audiences.FreezeContacts(given(), timeout=FREEZE_SECONDS)
            found: dict[UUID, Person] = {}
            view = people.view(channel, message.purpose, message.advertiser_id)
            async for batch in self._stream(frozen, view, 0):
                found.update((it.id, it) for it in people.people(batch))
            return found
        finally:
            with contextlib.suppress(errors.Error, grpc.aio.AioRpcError):
                await self.release(frozen)

    async def freeze(self, follow_up_id: UUID, segment_id: UUID) -> int:
        """Freezes a segment under a follow-up's id, or finds it frozen; returns how many."""
        query = pb.AudienceQuery(segment_ids=[str(segment_id)])
        request = pb.FreezeAudienceRequest(run_id=str(follow_up_id), query=query)
        return (await self._audiences.FreezeAudience(request, timeout=FREEZE_SECONDS)).size

    async def members(
        self, follow_up_id: UUID, channel: Channel, message: Message, after: int
    ) -> AsyncGenerator[tuple[int, list[UUID]], None]:
        """Yields frozen people after an ordinal, by batches: the last ordinal and who they are."""
        view = people.view(channel, message.purpose, message.advertiser_id)
        async for batch in self._stream(follow_up_id, view, after):
            found = people.ids(batch)
            yield batch.first_ordinal + len(found) - 1, found

    async def contacts(
        self, frozen: UUID, after: int
    ) -> AsyncGenerator[tuple[int, list[UUID]], None]:
        """As `members`, for who sends them nothing."""
        async for batch in self._stream(frozen, people.plain_view(frozen), after):
            found = people.ids(batch)
            yield batch.first_ordinal + len(found) - 1, found

    async def release(self, frozen: UUID) -> None:
        """Forgets a frozen audience."""
        await self._audiences.ReleaseAudience(pb.ReleaseAudienceRequest(run_id=str(frozen)))

    async def _stream(
        self, frozen: UUID, view: pb.AudienceView, after: int
    ) -> AsyncIterator[pb.StreamAudienceResponse]:
        request = pb.StreamAudienceRequest(run_id=str(frozen), view=view, after_ordinal=after)
        async for batch in self._audiences.StreamAudience(request, timeout=STREAM_SECONDS):
            yield batch


def connect(settings: ServiceSettings, address: str, tokens: TokenSource) -> Audiences:
    """Returns a client that connects when it is first used."""
    services = [pb.DESCRIPTOR.services_by_name["AudienceService"]]
    return Audiences(client.channel(address, settings, tokens, services))
