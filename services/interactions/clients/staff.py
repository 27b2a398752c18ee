"""Colleagues, as accounts knows them."""

from uuid import UUID

import grpc
from crm.accounts.v1 import user_service_pb2, user_service_pb2_grpc

from chassis.config import ServiceSettings
from chassis.errors import NotFound
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from services.interactions.domain.reminder_letters import Colleague


class Staff:
    """Calls to accounts; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._users = user_service_pb2_grpc.UserServiceStub(channel)

    async def get(self, user_id: UUID) -> Colleague | None:
        """Returns a colleague; None for nobody's id, and for who was shut out."""
        try:
            found = await self._users.GetUser(user_service_pb2.GetUserRequest(id=str(user_id)))
        except NotFound:
            return None
        if not found.active:
            return None
        return Colleague(found.email, found.locale, found.time_zone)


def connect(settings: ServiceSettings, address: str, tokens: TokenSource) -> Staff:
    """Returns a client that connects when it is first used."""
    services = [user_service_pb2.DESCRIPTOR.services_by_name["UserService"]]
    return Staff(client.channel(address, settings, tokens, services))
