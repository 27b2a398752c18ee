"""Colleagues, as accounts knows them."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import grpc
from crm.accounts.v1 import user_pb2, user_service_pb2, user_service_pb2_grpc

from chassis import scope
from chassis.config import ServiceSettings
from chassis.context import Level
from chassis.errors import NotFound
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from services.interactions.domain.reminder_letters import Colleague
from services.interactions.domain.requests import Answerer

_PAGE = 1_000
_LEVELS: Mapping[int, Level] = {
    user_pb2.LEVEL_TEAM: Level.TEAM,
    user_pb2.LEVEL_ALL: Level.ALL,
}


class Staff:
    """Calls to accounts; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._users = user_service_pb2_grpc.UserServiceStub(channel)

    async def answering(self) -> Sequence[Answerer]:
        """Returns colleagues who may answer requests of customers of a team or of everybody."""
        levels = {role.id: _level(role.rights) for role in await self._roles()}
        return [
            Answerer(UUID(it.id), scope.identity(it.team_id), levels[it.role_id] is Level.ALL)
            for it in await self._active()
            if levels.get(it.role_id) in (Level.TEAM, Level.ALL)
        ]

    async def _active(self) -> list[user_pb2.User]:
        found, token = list[user_pb2.User](), ""
        while True:
            asked = user_service_pb2.ListUsersRequest(page_size=_PAGE, page_token=token)
            answer = await self._users.ListUsers(asked)
            found.extend(it for it in answer.users if it.active)
            if not (token := answer.next_page_token):
                return found

    async def _roles(self) -> list[user_pb2.Role]:
        found, token = list[user_pb2.Role](), ""
        while True:
            asked = user_service_pb2.ListRolesRequest(page_size=_PAGE, page_token=token)
            answer = await self._users.ListRoles(asked)
            found.extend(answer.roles)
            if not (token := answer.next_page_token):
                return found

    async def get(self, user_id: UUID) -> Colleague | None:
        """Returns a colleague; None for nobody's id, and for who was shut out."""
        try:
            found = await self._users.GetUser(user_service_pb2.GetUserRequest(id=str(user_id)))
        except NotFound:
            return None
        if not found.active:
            return None
        return Colleague(found.email, found.locale, found.time_zone)


def _level(rights: Iterable[user_pb2.Right]) -> Level:
    """Returns how far a role's right to answer requests reaches."""
    given = {(it.resource, it.action): it.level for it in rights}
    for pair in (("requests", "write"), ("requests", "*"), ("*", "write"), ("*", "*")):
        if pair in given:
            return _LEVELS.get(given[pair], Level.NONE)
    return Level.NONE


def connect(settings: ServiceSettings, address: str, tokens: TokenSource) -> Staff:
    """Returns a client that connects when it is first used."""
    services = [user_service_pb2.DESCRIPTOR.services_by_name["UserService"]]
    return Staff(client.channel(address, settings, tokens, services))
