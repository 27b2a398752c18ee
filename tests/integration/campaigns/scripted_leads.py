"""Leads over gRPC as campaigns asks it: who calls reaches and sees as much as their rights say."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from crm.leads.v1 import (
    audience_pb2,
    audience_service_pb2,
    audience_service_pb2_grpc,
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
)

from chassis import context, errors, scope
from chassis.context import Principal
from services.campaigns.messages import audiences
from tests.integration import serving

SERVICE = Principal("campaigns", "service")


class ScriptedLeads(
    audience_service_pb2_grpc.AudienceServiceServicer,
    contact_service_pb2_grpc.ContactServiceServicer,
):
    """Everybody is in every audience and can be reached; notes for whom it was asked."""

    def __init__(self) -> None:
        self.contacts: list[contact_pb2.Contact] = []
        self.asked_for: list[str] = []

    def contact(self, name: str, *owners: str, team: str = "", **more: Any) -> contact_pb2.Contact:
        """Make a contact that leads knows of."""
        made = contact_pb2.Contact(
            id=str(uuid4()), display_name=name, owner_ids=owners, team_id=team, **more
        )
        self.contacts.append(made)
        return made

    async def SampleAudience(self, request: Any, _: Any) -> Any:
        found = self._readable()
        if request.query.contact_ids:
            found = [it for it in found if it.id in request.query.contact_ids]
        sample = [_member(it, request.view.variables) for it in found[: request.sample_size]]
        return audience_service_pb2.SampleAudienceResponse(
            size=len(found), reachable=len(found), sample=sample
        )

    async def BatchGetContacts(self, request: Any, _: Any) -> Any:
        found = [it for it in self._readable() if it.id in request.ids]
        return contact_service_pb2.BatchGetContactsResponse(contacts=found)

    def _readable(self) -> Sequence[contact_pb2.Contact]:
        caller = context.require_principal()
        self.asked_for.append(caller.subject)
        reach = scope.to(caller, "contacts", "read")
        return [
            it
            for it in self.contacts
            if reach.covers([UUID(each) for each in it.owner_ids], scope.identity(it.team_id))
        ]


class Tokens:
    """Gives tokens with the rights that somebody has now, as accounts does for campaigns."""

    def __init__(self, leads: serving.Served) -> None:
        self._leads = leads
        self.known: dict[str, Principal] = {}

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        if on_behalf_of is None:
            return self._leads.token(SERVICE)
        if on_behalf_of not in self.known:
            raise errors.PermissionDenied("ON_BEHALF_OF_REFUSED", "not for this one")
        return self._leads.token(replace(self.known[on_behalf_of], actor="campaigns"))

    def forget(self, audience: str, on_behalf_of: str | None = None) -> None:
        return None


def _member(contact: contact_pb2.Contact, wanted: Sequence[str]) -> audience_pb2.AudienceMember:
    values = audiences.contact_values(contact)
    return audience_pb2.AudienceMember(
        contact_id=UUID(contact.id).bytes,
        address=values["email"],
        consented=True,
        values=[values[it] for it in wanted],
    )
