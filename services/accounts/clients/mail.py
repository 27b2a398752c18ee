"""The notifier, which mails colleagues."""

from collections.abc import Callable
from uuid import UUID

import grpc
from crm.notifier.v1 import (
    message_pb2,
    message_service_pb2,
    message_service_pb2_grpc,
    suppression_service_pb2,
    suppression_service_pb2_grpc,
)

from chassis import errors
from chassis.config import ServiceSettings
from chassis.rpc import client, times
from services.accounts.domain.letters import Letter

# What will be answered again however often it is asked: the letter does not go.
REFUSALS = (
    errors.InvalidArgument,
    errors.NotFound,
    errors.FailedPrecondition,
    errors.PermissionDenied,
    errors.AlreadyExists,
)


class OwnTokens:
    """Tokens of accounts itself, which signs those of everybody and needs to ask nobody."""

    def __init__(self, sign: Callable[[str], str]) -> None:
        """`sign` returns a token of this service for an audience."""
        self._sign = sign

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        """Returns a token for `audience`; accounts acts for nobody else."""
        return self._sign(audience)

    def forget(self, audience: str, on_behalf_of: str | None = None) -> None:
        """Each call has a token of its own."""


class Mail:
    """Calls to the notifier; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel, identity_id: UUID) -> None:
        """`identity_id` is the sender identity of mails to colleagues."""
        self._messages = message_service_pb2_grpc.MessageServiceStub(channel)
        self._senders = suppression_service_pb2_grpc.SenderServiceStub(channel)
        self._identity_id = str(identity_id)

    async def advertiser(self) -> str | None:
        """Returns the id of the sender's advertiser; None if there is no such sender of e-mails."""
        request = suppression_service_pb2.GetSenderIdentityRequest(id=self._identity_id)
        try:
            identity = await self._senders.GetSenderIdentity(request)
        except errors.NotFound:
            return None
        return identity.advertiser_id if identity.channel == message_pb2.CHANNEL_EMAIL else None

    async def send(self, letter: Letter, advertiser_id: str) -> UUID:
        """Has a letter sent and returns the message's id; the same letter is the same message."""
        request = message_service_pb2.SendMessageRequest(
            request_id=letter.request_id,
            channel=message_pb2.CHANNEL_EMAIL,
            address=letter.words.address,
            purpose=message_pb2.PURPOSE_TRANSACTIONAL,
            advertiser_id=advertiser_id,
            sender_identity_id=self._identity_id,
            subject=letter.words.subject,
            html=letter.words.html,
            text=letter.words.text,
            not_after=times.out(letter.not_after),
        )
        return UUID((await self._messages.SendMessage(request)).id)


def connect(settings: ServiceSettings, address: str, tokens: OwnTokens, identity_id: UUID) -> Mail:
    """Returns a client that connects when it is first used."""
    services = [
        message_service_pb2.DESCRIPTOR.services_by_name["MessageService"],
        suppression_service_pb2.DESCRIPTOR.services_by_name["SenderService"],
    ]
    return Mail(client.channel(address, settings, tokens, services), identity_id)
