"""Erasures, as leads asks for them."""

from typing import Any

from crm.accounts.v1 import erasure_service_pb2, erasure_service_pb2_grpc
from crm.erasure.v1 import erasure_pb2

from chassis.db import Sessions
from services import erasure_messages
from services.accounts.usecases import erasing
from services.erasure_traces import Traces

CONTRACT = erasure_service_pb2.DESCRIPTOR
"""Who may call: the stubs alone do not bring it along, since requests are of another file."""


class ErasureServicer(erasure_service_pb2_grpc.ErasureServiceServicer):
    """Erases people from accounts."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._traces = Traces(sessions)

    async def ErasePerson(
        self, request: erasure_pb2.ErasePersonRequest, _: Any
    ) -> erasure_pb2.ErasePersonResponse:
        """Erases what is there of a person."""
        person = erasure_messages.person(request)
        async with self._sessions.begin() as session:
            erased = await erasing.erase(session, person)
        await self._traces.erase(person, erased)
        return erasure_messages.response(erased)
