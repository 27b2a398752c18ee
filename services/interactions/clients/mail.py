"""Hands letters of proposals and reminders to the notifier."""

from uuid import UUID

import grpc
from crm.notifier.v1 import message_pb2, message_service_pb2, message_service_pb2_grpc

from chassis import errors
from chassis.config import ServiceSettings
from chassis.rpc import client, times
from chassis.rpc.tokens import TokenSource
from services.interactions.domain.proposals.events import Outgoing
from services.interactions.domain.reminder_letters import Letter, Words

# What will be answered again however often it is asked: the letter does not go.
REFUSALS = (
    errors.InvalidArgument,
    errors.NotFound,
    errors.FailedPrecondition,
    errors.PermissionDenied,
    errors.AlreadyExists,
)


class Mail:
    """Calls to the notifier; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._messages = message_service_pb2_grpc.MessageServiceStub(channel)

    async def send(self, letter: Outgoing) -> UUID:
        """Has a letter sent and returns the message's id; the same letter is the same message."""
        return await self._send(letter, letter, str(letter.contact_id or ""))

    async def tell(self, letter: Letter) -> UUID:
        """As `send`, of an e-mail to a colleague."""
        return await self._send(letter, letter.words)

    async def _send(
        self, letter: Outgoing | Letter, words: Outgoing | Words, contact_id: str = ""
    ) -> UUID:
        request = message_service_pb2.SendMessageRequest(
            request_id=letter.request_id,
            channel=message_pb2.CHANNEL_EMAIL,
            address=words.address,
            purpose=message_pb2.PURPOSE_TRANSACTIONAL,
            advertiser_id=str(letter.advertiser_id),
            sender_identity_id=str(letter.sender_identity_id),
            subject=words.subject,
            html=words.html,
            text=words.text,
            contact_id=contact_id,
            not_after=times.out(letter.not_after),
        )
        return UUID((await self._messages.SendMessage(request)).id)


def connect(settings: ServiceSettings, address: str, tokens: TokenSource) -> Mail:
    """Returns a client that connects when it is first used."""
    services = [message_service_pb2.DESCRIPTOR.services_by_name["MessageService"]]
    return Mail(client.channel(address, settings, tokens, services))
