"""The notifier: who may send, and the handing over of messages."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import grpc
from crm.notifier.v1 import (
    message_pb2,
    message_service_pb2_grpc,
    suppression_pb2,
    suppression_service_pb2,
    suppression_service_pb2_grpc,
)
from crm.notifier.v1 import message_service_pb2 as pb

from chassis.config import ServiceSettings
from chassis.errors import NotFound
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from services.interactions.domain.deliveries import News
from services.interactions.domain.fields import Problems
from services.interactions.domain.messages import Channel, Message
from services.interactions.domain.senders import Sender
from services.interactions.messages import outgoing
from services.interactions.messages.outgoing import Outgoing

MOST = 500
# Well within what a peer takes of one request by default (4 MiB).
MOST_BYTES = 2 * 1024 * 1024
SEND_SECONDS = 30.0

_CHANNELS = {Channel.SMS: message_pb2.CHANNEL_SMS, Channel.EMAIL: message_pb2.CHANNEL_EMAIL}


class Notifier:
    """Calls to the notifier; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._messages = message_service_pb2_grpc.MessageServiceStub(channel)
        self._senders = suppression_service_pb2_grpc.SenderServiceStub(channel)

    async def send(self, given: Sequence[Outgoing]) -> list[News]:
        """Hands over messages; returns what each came to, in their order.

        After an error nobody knows which of them were taken; they may be handed over again.
        """
        news: list[News] = []
        for requests in _parcels([outgoing.request(it) for it in given]):
            answer = await self._messages.BatchSendMessages(
                pb.BatchSendMessagesRequest(messages=requests), timeout=SEND_SECONDS
            )
            news.extend(outgoing.news(it) for it in answer.results)
        return news

    async def check(
        self, message: Message | Sender, channel: Channel, at: str, problems: Problems
    ) -> None:
        """Notes what is wrong with the sender of the message that is the field `at`."""
        field = f"{at}.sender_identity_id"
        identity = await self._identity(message.sender_identity_id)
        if identity is None:
            problems.add(field, "no such sender identity")
            return
        if identity.advertiser_id != str(message.advertiser_id):
            problems.add(field, "belongs to another advertiser")
        if identity.channel != _CHANNELS[channel]:
            problems.add(field, f"is not for {channel}")

    async def sender(self, identity_id: UUID | None) -> tuple[UUID, UUID] | None:
        """Returns the advertiser of an e-mail sender identity, and it; None if there is no such."""
        identity = await self._identity(identity_id) if identity_id is not None else None
        if identity_id is None or identity is None:
            return None
        if identity.channel != message_pb2.CHANNEL_EMAIL:
            return None
        return UUID(identity.advertiser_id), identity_id

    async def name_of(self, sender: Sender) -> str | None:
        """Returns the name that people know a sender by; None if there is no such."""
        identity = await self._identity(sender.sender_identity_id)
        return (identity.display_name or identity.address) if identity is not None else None

    async def _identity(self, identity_id: UUID) -> suppression_pb2.SenderIdentity | None:
        request = suppression_service_pb2.GetSenderIdentityRequest(id=str(identity_id))
        try:
            return await self._senders.GetSenderIdentity(request)
        except NotFound:
            return None


def connect(settings: ServiceSettings, address: str, tokens: TokenSource) -> Notifier:
    """Returns a client that connects when it is first used."""
    services = [
        pb.DESCRIPTOR.services_by_name["MessageService"],
        suppression_service_pb2.DESCRIPTOR.services_by_name["SenderService"],
    ]
    return Notifier(client.channel(address, settings, tokens, services))


def _parcels(requests: Sequence[pb.SendMessageRequest]) -> Iterator[list[pb.SendMessageRequest]]:
    """Cuts requests into what one call takes."""
    parcel: list[pb.SendMessageRequest] = []
    size = 0
    for request in requests:
        adds = request.ByteSize()
        if parcel and (len(parcel) == MOST or size + adds > MOST_BYTES):
            yield parcel
            parcel, size = [], 0
        parcel.append(request)
        size += adds
    if parcel:
        yield parcel
