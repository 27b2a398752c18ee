"""The log of calls, visits, letters and web contacts."""

from typing import Any

import grpc
from crm.interactions.v1 import interaction_pb2, interaction_service_pb2_grpc
from crm.interactions.v1 import interaction_service_pb2 as pb2
from google.protobuf import empty_pb2

from chassis import db
from chassis.db import idempotency
from chassis.errors import NotFound
from services.interactions.domain import interactions as rules
from services.interactions.domain.fields import Problems
from services.interactions.messages import interactions as messages
from services.interactions.rpc import gate, steps
from services.interactions.usecases import found
from services.interactions.usecases import interactions as usecases

Context = grpc.aio.ServicerContext[Any, Any]


class InteractionServicer(interaction_service_pb2_grpc.InteractionServiceServicer):
    """Serves `InteractionService`."""

    def __init__(self, sessions: db.Sessions, contacts: gate.Gate) -> None:
        self._sessions = sessions
        self._contacts = contacts

    async def CreateInteraction(
        self, request: pb2.CreateInteractionRequest, context: Context
    ) -> interaction_pb2.Interaction:
        """Logs one with a contact that the caller may see, and plans the next step."""
        caller, problems = gate.may("notes", "write"), Problems()
        columns = rules.columns(messages.fields(request.interaction), problems)
        step = steps.columns(request, problems)
        if columns["contact_id"] is not None:
            try:
                await self._contacts.visible(columns["contact_id"])
            except NotFound:
                problems.add("interaction.contact_id", "no such contact")
        problems.raise_if_any()
        async with self._sessions.begin() as session:

            async def create() -> interaction_pb2.Interaction:
                return messages.out(await usecases.log(session, caller, columns, step))

            return await idempotency.once(
                session, "CreateInteraction", request, interaction_pb2.Interaction, create
            )

    async def GetInteraction(
        self, request: pb2.GetInteractionRequest, context: Context
    ) -> interaction_pb2.Interaction:
        """Returns one of a contact that the caller may see."""
        return messages.out(await self._visible(request.id))

    async def DeleteInteraction(
        self, request: pb2.DeleteInteractionRequest, context: Context
    ) -> empty_pb2.Empty:
        """Deletes one."""
        allowed = gate.may("notes", "delete")
        interaction = await self._visible(request.id)
        async with self._sessions.begin() as session:
            await usecases.delete(session, allowed, interaction.id, request.etag)
        return empty_pb2.Empty()

    async def _visible(self, wanted: str) -> rules.Interaction:
        interaction_id = found.parsed(wanted, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            interaction = await usecases.get(session, interaction_id)
        try:
            await self._contacts.visible(interaction.contact_id)
        except NotFound:
            raise found.missing(usecases.RESOURCE, interaction_id) from None
        return interaction
