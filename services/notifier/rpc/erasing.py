"""Erasures, as leads asks for them."""

from typing import Any

from crm.erasure.v1 import erasure_pb2
from crm.notifier.v1 import erasure_service_pb2, erasure_service_pb2_grpc
from pydantic import SecretStr

from chassis.db import Sessions
from services import erasure_messages
from services.erasure_traces import Traces
from services.notifier.usecases import erasing

CONTRACT = erasure_service_pb2.DESCRIPTOR
"""Who may call: the stubs alone do not bring it along, since requests are of another file."""


class ErasureServicer(erasure_service_pb2_grpc.ErasureServiceServicer):
    """Erases people from a notifier."""

    def __init__(self, sessions: Sessions, mac_key: SecretStr) -> None:
        self._sessions = sessions
        self._traces = Traces(sessions)
        self._secret = mac_key.get_secret_value().encode()

    async def ErasePerson(
        self, request: erasure_pb2.ErasePersonRequest, _: Any
    ) -> erasure_pb2.ErasePersonResponse:
        """Erases what is there of a person."""
        person = erasure_messages.person(request)
        async with self._sessions.begin() as session:
            erased = await erasing.erase(session, person, self._secret)
        await self._traces.erase(person, erased)
        return erasure_messages.response(erased)
