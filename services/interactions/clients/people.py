"""Whom a proposal is for, as leads knows them, and where an accepted one moves them."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import grpc
from crm.leads.v1 import (
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
    source_service_pb2,
    source_service_pb2_grpc,
)

from chassis.config import ServiceSettings
from chassis.errors import NotFound
from chassis.rpc import client, times
from chassis.rpc.tokens import TokenSource
from chassis.scope import Scope
from services.interactions.domain.proposals.moves import Move
from services.interactions.messages import contacts

_FOUND_AT_ONCE = 50


@dataclass(frozen=True)
class Person:
    """A contact's name and address, and its values for templates."""

    name: str
    address: str
    values: Mapping[str, str]


class People:
    """Calls to leads; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._contacts = contact_service_pb2_grpc.ContactServiceStub(channel)
        self._stages = source_service_pb2_grpc.LifeStageServiceStub(channel)

    async def get(
        self, contact_id: UUID, reach: Scope, *, on_behalf_of: str | None
    ) -> Person | None:
        """Returns a person within reach, None if there is none or this one may not see them.

        An accounts of the release before acts for programs with all their rights, whatever their
        token carries; what is beyond `reach` is left out here therefore.
        """
        request = contact_service_pb2.BatchGetContactsRequest(ids=[str(contact_id)])
        if on_behalf_of is None:
            found = await self._contacts.BatchGetContacts(request)
        else:
            with client.acting_for(on_behalf_of):
                found = await self._contacts.BatchGetContacts(request)
        reached = [it for it in found.contacts if contacts.contact(it).visible(reach)]
        return _person(reached[0]) if reached else None

    async def has(self, address: str, reach: Scope, *, on_behalf_of: str | None) -> bool:
        """Returns True if a contact that `get` would find has the address."""
        request = contact_service_pb2.ListContactsRequest(query=address, page_size=_FOUND_AT_ONCE)
        if on_behalf_of is None:
            found = await self._contacts.ListContacts(request)
        else:
            with client.acting_for(on_behalf_of):
                found = await self._contacts.ListContacts(request)
        wanted = address.casefold()
        return any(
            email.address.casefold() == wanted
            for it in found.contacts
            if contacts.contact(it).visible(reach)
            for email in it.emails
        )

    async def has_stage(self, life_stage_id: UUID) -> bool:
        """Returns True if there is such a life stage, which is no secret: asked by the service."""
        request = source_service_pb2.GetLifeStageRequest(id=str(life_stage_id))
        try:
            await self._stages.GetLifeStage(request)
        except NotFound:
            return False
        return True

    async def move(self, wanted: Move) -> None:
        """Has a contact moved to a life stage, by the service; the same again changes nothing.

        Raises what leads refuses it with, `Aborted` if somebody moved the contact since.
        """
        request = contact_service_pb2.MoveToLifeStageRequest(
            id=str(wanted.contact_id),
            life_stage_id=str(wanted.life_stage_id),
            reason=wanted.number,
            request_id=wanted.request_id,
            unless_moved_since=times.out(wanted.answer_time),
        )
        await self._contacts.MoveToLifeStage(request)


def connect(settings: ServiceSettings, address: str, tokens: TokenSource) -> People:
    """Returns a client that connects when it is first used."""
    services = [
        contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"],
        source_service_pb2.DESCRIPTOR.services_by_name["LifeStageService"],
    ]
    return People(client.channel(address, settings, tokens, services))


def _person(told: contact_pb2.Contact) -> Person:
    emails = sorted(told.emails, key=lambda it: (not it.valid, not it.primary))
    phones = sorted(told.phones, key=lambda it: (not it.valid, not it.primary))
    address = emails[0].address if emails and emails[0].valid else ""
    return Person(
        name=told.display_name,
        address=address,
        values={
            "salutation": told.salutation,
            "family_name": told.family_name,
            "given_name": told.given_name,
            "display_name": told.display_name,
            "company": told.company,
            "job_title": told.job_title,
            "email": address,
            "phone": phones[0].number if phones else "",
            "reference_code": told.reference_code,
        },
    )
