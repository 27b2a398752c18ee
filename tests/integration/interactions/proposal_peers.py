"""Leads and the notifier, as tests of proposals script them."""

from typing import Any
from uuid import uuid4

from crm.leads.v1 import (
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
    source_pb2,
    source_service_pb2_grpc,
)

from chassis import context, errors
from chassis.context import Principal
from tests.integration import serving
from tests.integration.interactions.house import reader

SERVICE = Principal("interactions", "service")
STAGE = str(uuid4())


class Contacts(contact_service_pb2_grpc.ContactServiceServicer):
    """Answers as leads does; notes for whom it was asked, and whom it was to move.

    From who is `blind` it hides phones and e-mail addresses.
    """

    def __init__(self) -> None:
        self.known: dict[str, contact_pb2.Contact] = {}
        self.asked_for: list[str] = []
        self.blind: set[str] = set()
        self.moves: list[Any] = []
        self.refusal: Exception | None = None

    async def BatchGetContacts(self, request: Any, _: Any) -> Any:
        self.asked_for.append(context.require_principal().subject)
        found = [self.known[each] for each in request.ids if each in self.known]
        answer = contact_service_pb2.BatchGetContactsResponse(contacts=found)
        if self.asked_for[-1] in self.blind:
            for each in answer.contacts:
                each.ClearField("phones")
                each.ClearField("emails")
        return answer

    async def ListContacts(self, request: Any, _: Any) -> Any:
        self.asked_for.append(context.require_principal().subject)
        found = [
            it
            for it in self.known.values()
            if any(request.query.lower() in email.address.lower() for email in it.emails)
        ]
        return contact_service_pb2.ListContactsResponse(contacts=found)

    async def MoveToLifeStage(self, request: Any, _: Any) -> Any:
        self.asked_for.append(context.require_principal().subject)
        self.moves.append(request)
        if self.refusal is not None:
            raise self.refusal
        return self.known[request.id]


class Stages(source_service_pb2_grpc.LifeStageServiceServicer):
    """Knows one life stage."""

    async def GetLifeStage(self, request: Any, _: Any) -> Any:
        if request.id != STAGE:
            raise errors.NotFound("RESOURCE_MISSING", "none", resource="life_stage", id=request.id)
        return source_pb2.LifeStage(id=STAGE)


class Tokens:
    """Gives tokens that the scripted peer trusts; `known` says who somebody is, else a reader."""

    def __init__(self, peer: serving.Served) -> None:
        self._peer = peer
        self.known: dict[str, Principal] = {}

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        if not on_behalf_of:
            return self._peer.token(SERVICE)
        return self._peer.token(self.known.get(on_behalf_of) or reader(on_behalf_of))

    def forget(self, audience: str, on_behalf_of: str | None = None) -> None:
        return None
