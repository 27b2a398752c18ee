"""The notifier, which sends messages, and leads, which knows the contacts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import grpc
from crm.leads.v1 import contact_service_pb2, contact_service_pb2_grpc
from crm.notifier.v1 import (
    message_pb2,
    message_service_pb2,
    message_service_pb2_grpc,
    suppression_service_pb2,
    suppression_service_pb2_grpc,
)

from chassis import context, errors, scope
from chassis.config import ServiceSettings
from chassis.context import Principal
from chassis.rpc import client, times
from services.accounts.domain.letters import Letter
from services.accounts.domain.logins import Channel, Person
from services.accounts.messages import logins as messages

# What will be answered again however often it is asked: the letter does not go.
REFUSALS = (
    errors.InvalidArgument,
    errors.NotFound,
    errors.FailedPrecondition,
    errors.PermissionDenied,
    errors.AlreadyExists,
)
_CONTACTS = "contacts"
_CHANNELS: Mapping[Channel, "message_pb2.Channel.ValueType"] = {
    Channel.SMS: message_pb2.CHANNEL_SMS,
    Channel.EMAIL: message_pb2.CHANNEL_EMAIL,
}


class OwnTokens:
    """Tokens that accounts, which signs those of everybody, needs to ask nobody for."""

    def __init__(self, sign: Callable[[str, Principal | None], str]) -> None:
        """`sign` returns a token for an audience; given a caller, one that acts for them."""
        self._sign = sign

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        """Returns a token for `audience`; accounts acts for nobody but who calls it."""
        if on_behalf_of is None:
            return self._sign(audience, None)
        caller = context.require_principal()
        if caller.subject != on_behalf_of:
            raise errors.PermissionDenied(
                "ON_BEHALF_OF_REFUSED", "nothing may be done on behalf of this user"
            )
        return self._sign(audience, caller)

    def forget(self, audience: str, on_behalf_of: str | None = None) -> None:
        """Each call has a token of its own."""


class Mail:
    """Calls to the notifier; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel, identities: Mapping[Channel, UUID]) -> None:
        """`identities` are the sender identities, by the channel of what they send."""
        self._messages = message_service_pb2_grpc.MessageServiceStub(channel)
        self._senders = suppression_service_pb2_grpc.SenderServiceStub(channel)
        self._identities = {by: str(its_id) for by, its_id in identities.items()}

    async def advertiser(self, by: Channel) -> str | None:
        """Returns the id of the sender's advertiser; None if there is no sender of this channel."""
        if by not in self._identities:
            return None
        request = suppression_service_pb2.GetSenderIdentityRequest(id=self._identities[by])
        try:
            identity = await self._senders.GetSenderIdentity(request)
        except errors.NotFound:
            return None
        return identity.advertiser_id if identity.channel == _CHANNELS[by] else None

    async def send(self, letter: Letter, advertiser_id: str) -> UUID:
        """Has a letter sent and returns the message's id; the same letter is the same message."""
        by = letter.words.channel
        request = message_service_pb2.SendMessageRequest(
            request_id=letter.request_id,
            channel=_CHANNELS[by],
            address=letter.words.address,
            purpose=message_pb2.PURPOSE_TRANSACTIONAL,
            advertiser_id=advertiser_id,
            sender_identity_id=self._identities[by],
            subject=letter.words.subject,
            html=letter.words.html,
            text=letter.words.text,
            not_after=times.out(letter.not_after),
        )
        return UUID((await self._messages.SendMessage(request)).id)


class Contacts:
    """Calls to leads on behalf of who calls accounts; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel | None) -> None:
        """Without a channel leads is away."""
        self._stub = contact_service_pb2_grpc.ContactServiceStub(channel) if channel else None

    async def within(self, contact_id: UUID, action: str) -> Person:
        """Returns a contact that the caller may do this with, with its addresses.

        Raises `NotFound` for one that the caller may not see, `PermissionDenied` for one that may
        be seen and no more.
        """
        caller = context.require_principal()
        person = await self._get(contact_id, caller)
        if not scope.to(caller, _CONTACTS, action).covers(person.owners, person.team_id):
            raise errors.PermissionDenied(
                "RIGHT_MISSING",
                f"no right to {action} this contact",
                resource=_CONTACTS,
                action=action,
            )
        # Who may not read an address may still have something sent to it.
        return await self._get(contact_id, None) if caller.hidden else person

    async def readable(self, ids: Sequence[UUID]) -> set[UUID]:
        """Returns those of up to 1,000 contacts that the caller may read."""
        request = contact_service_pb2.BatchGetContactsRequest(ids=[str(it) for it in ids])
        with client.acting_for(context.require_principal().subject):
            found = await self._leads().BatchGetContacts(request)
        return {UUID(it.id) for it in found.contacts}

    async def _get(self, contact_id: UUID, caller: Principal | None) -> Person:
        request = contact_service_pb2.GetContactRequest(id=str(contact_id))
        if caller is None:
            return messages.person(await self._leads().GetContact(request))
        with client.acting_for(caller.subject):
            return messages.person(await self._leads().GetContact(request))

    def _leads(self) -> Any:
        if self._stub is None:
            raise errors.Unavailable("PEER_UNAVAILABLE", "leads has no address", peer="leads")
        return self._stub


def mail(
    settings: ServiceSettings, address: str, tokens: OwnTokens, identities: Mapping[Channel, UUID]
) -> Mail:
    """Returns a client of the notifier that connects when it is first used."""
    services = [
        message_service_pb2.DESCRIPTOR.services_by_name["MessageService"],
        suppression_service_pb2.DESCRIPTOR.services_by_name["SenderService"],
    ]
    return Mail(client.channel(address, settings, tokens, services), identities)


def contacts(settings: ServiceSettings, address: str, tokens: OwnTokens) -> Contacts:
    """Returns a client of leads that connects when it is first used; `address` may be empty."""
    service = contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"]
    return Contacts(client.channel(address, settings, tokens, [service]) if address else None)
