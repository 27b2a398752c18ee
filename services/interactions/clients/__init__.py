"""What interactions asks of its peers."""

from collections.abc import Sequence
from uuid import UUID

import grpc
from crm.campaigns.v1 import run_service_pb2, run_service_pb2_grpc
from crm.leads.v1 import contact_service_pb2, contact_service_pb2_grpc

from chassis.config import ServiceSettings
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from services.interactions.domain.contacts import Contact
from services.interactions.domain.timeline import Batch
from services.interactions.messages import contacts, timeline

_MOST_IDS = 1_000


class Leads:
    """Calls to leads; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._contacts = contact_service_pb2_grpc.ContactServiceStub(channel)

    async def contact(self, contact_id: UUID, *, on_behalf_of: str | None) -> Contact | None:
        """Returns a contact, None if there is none or this user or program may not see it."""
        found = await self.contacts([contact_id], on_behalf_of=on_behalf_of)
        return found[0] if found else None

    async def contacts(
        self, contact_ids: Sequence[UUID], *, on_behalf_of: str | None
    ) -> list[Contact]:
        """Returns those of up to 1,000 contacts that are there and this one may see."""
        ids = [str(each) for each in contact_ids]
        request = contact_service_pb2.BatchGetContactsRequest(ids=ids)
        if on_behalf_of is None:
            found = await self._contacts.BatchGetContacts(request)
        else:
            with client.acting_for(on_behalf_of):
                found = await self._contacts.BatchGetContacts(request)
        return [contacts.contact(each) for each in found.contacts]

    async def names(self, ids: Sequence[UUID], *, on_behalf_of: str) -> dict[UUID, str]:
        """Returns the names of those contacts that this user or program may see."""
        names: dict[UUID, str] = {}
        with client.acting_for(on_behalf_of):
            for at in range(0, len(ids), _MOST_IDS):
                some = [str(it) for it in ids[at : at + _MOST_IDS]]
                request = contact_service_pb2.BatchGetContactsRequest(ids=some)
                found = await self._contacts.BatchGetContacts(request)
                names |= {UUID(it.id): it.display_name for it in found.contacts}
        return names


class Campaigns:
    """Calls to campaigns; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._runs = run_service_pb2_grpc.RunServiceStub(channel)

    async def messages(self, contact_id: UUID, size: int, token: str) -> Batch:
        """Returns a page of what runs had for a contact, newest run first."""
        request = run_service_pb2.ListContactRecipientsRequest(
            contact_id=str(contact_id), page_size=size, page_token=token
        )
        found = await self._runs.ListContactRecipients(request)
        listed = [timeline.message(each) for each in found.recipients]
        return Batch(token, listed, found.next_page_token)


def connect_leads(settings: ServiceSettings, address: str, tokens: TokenSource) -> Leads:
    """Returns a client that connects when it is first used."""
    services = [contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"]]
    return Leads(client.channel(address, settings, tokens, services))


def connect_campaigns(settings: ServiceSettings, address: str, tokens: TokenSource) -> Campaigns:
    """Returns a client that connects when it is first used."""
    services = [run_service_pb2.DESCRIPTOR.services_by_name["RunService"]]
    return Campaigns(client.channel(address, settings, tokens, services))
