"""The home notifier: for whom and under which name messages may be sent, and which it has."""

from collections.abc import Collection, Sequence
from uuid import UUID

import grpc
from crm.notifier.v1 import (
    message_pb2,
    message_service_pb2,
    message_service_pb2_grpc,
    suppression_service_pb2,
    suppression_service_pb2_grpc,
)

from chassis.config import ServiceSettings
from chassis.errors import FieldViolation, NotFound
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from services.campaigns.domain.campaigns import Draft, as_uuid
from services.campaigns.messages import kinds

SERVICES = [
    suppression_service_pb2.DESCRIPTOR.services_by_name["SenderService"],
    message_service_pb2.DESCRIPTOR.services_by_name["MessageService"],
]


class Senders:
    """Calls to the notifier; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._senders = suppression_service_pb2_grpc.SenderServiceStub(channel)
        self._messages = message_service_pb2_grpc.MessageServiceStub(channel)

    async def known(self, run_id: UUID, message_ids: Sequence[UUID]) -> Collection[UUID]:
        """Return those of a run's messages, at most 1,000, that the notifier has."""
        request = message_service_pb2.FindMessagesRequest(
            run_id=str(run_id), message_ids=[id.bytes for id in message_ids]
        )
        answer = await self._messages.FindMessages(request)
        return {UUID(bytes=id) for id in answer.message_ids}

    async def violations(self, draft: Draft) -> list[FieldViolation]:
        """Return what is wrong with the advertiser and the sender identity of a draft.

        Ids that are no UUIDs are left to the draft's own checks.
        """
        found = []
        if as_uuid(draft.advertiser_id) and not await self._advertiser_exists(draft):
            found.append(("advertiser_id", "no such advertiser"))
        if as_uuid(draft.sender_identity_id):
            found += await self._identity(draft)
        return [FieldViolation(f"campaign.{field}", why) for field, why in found]

    async def _advertiser_exists(self, draft: Draft) -> bool:
        request = suppression_service_pb2.GetAdvertiserRequest(id=draft.advertiser_id)
        try:
            await self._senders.GetAdvertiser(request)
        except NotFound:
            return False
        return True

    async def _identity(self, draft: Draft) -> list[tuple[str, str]]:
        request = suppression_service_pb2.GetSenderIdentityRequest(id=draft.sender_identity_id)
        try:
            identity = await self._senders.GetSenderIdentity(request)
        except NotFound:
            return [("sender_identity_id", "no such sender identity")]
        found = []
        if identity.advertiser_id.lower() != draft.advertiser_id.lower():
            found.append(("sender_identity_id", "belongs to another advertiser"))
        if draft.channel and identity.channel != kinds.number(message_pb2.Channel, draft.channel):
            found.append(("sender_identity_id", f"is not for {draft.channel}"))
        return found


def connect(settings: ServiceSettings, address: str, tokens: TokenSource) -> Senders:
    """Return a client that connects when it is first used."""
    return Senders(client.channel(address, settings, tokens, SERVICES))
