"""Staff, teams and roles."""

from typing import Any

import grpc
from crm.accounts.v1 import user_pb2, user_service_pb2_grpc
from crm.accounts.v1 import user_service_pb2 as pb2
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import db
from chassis.db import idempotency, paging
from chassis.rpc import fieldmask, rights
from services.accounts.domain import fields
from services.accounts.messages import people as messages
from services.accounts.rpc import callers, lists
from services.accounts.rpc.proofs import Proofs
from services.accounts.storage import groups as kept_groups
from services.accounts.storage import users as kept_users
from services.accounts.usecases import found, groups, resets, users
from services.accounts.usecases.passwords import Passwords
from services.accounts.usecases.post import Post

Context = grpc.aio.ServicerContext[Any, Any]

_HIDDEN = "role.hidden_fields"
_ROLE_FIELDS = ("name", "rights", "hidden_fields")


class UserServicer(user_service_pb2_grpc.UserServiceServicer):
    """Serves `UserService`."""

    def __init__(
        self,
        sessions: db.Sessions,
        passwords: Passwords,
        proofs: Proofs,
        post: Post,
        seal_key: SecretStr,
    ) -> None:
        self._sessions = sessions
        self._passwords = passwords
        self._proofs = proofs
        self._post = post
        self._seal_key = seal_key

    async def CreateUser(self, request: pb2.CreateUserRequest, context: Context) -> user_pb2.User:
        """Adds a user with a first password, or invites one to choose it."""
        problems = fields.Problems()
        given = messages.user_fields(request.user, fields.USER_FIELDS)
        columns = fields.user_columns(given, problems)
        if request.password:
            fields.check_password(request.password, "password", problems)
        problems.raise_if_any()
        if request.password:
            password_hash = await self._passwords.hash(request.password)
        else:
            self._post.must_mail()
            password_hash = ""
        # What is remembered of the request must not help anybody guess the password.
        bare = pb2.CreateUserRequest(user=request.user, request_id=request.request_id)
        async with self._sessions.begin() as session:

            async def create() -> user_pb2.User:
                return messages.user(await users.create(session, columns, password_hash))

            return await idempotency.once(session, "CreateUser", bare, user_pb2.User, create)

    async def GetUser(self, request: pb2.GetUserRequest, context: Context) -> user_pb2.User:
        """Returns one user; anybody may read oneself."""
        user_id = callers.own_id() if request.id in callers.ME else found.parsed(request.id, "user")
        if not callers.is_caller(user_id):
            rights.require("users", "read")
        async with self._sessions.begin() as session:
            return messages.user(await users.get(session, user_id))

    async def ListUsers(
        self, request: pb2.ListUsersRequest, context: Context
    ) -> pb2.ListUsersResponse:
        """Lists users by name."""
        wanted = {"list": "users", "include_inactive": request.include_inactive}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        async with self._sessions.begin() as session:
            listed = await kept_users.page(
                session, page.size + 1, lists.after(page), include_inactive=request.include_inactive
            )
        return pb2.ListUsersResponse(
            users=[messages.user(user) for _, user in listed[: page.size]],
            next_page_token=lists.next_token(listed, page.size, wanted, self._seal_key),
        )

    async def UpdateUser(self, request: pb2.UpdateUserRequest, context: Context) -> user_pb2.User:
        """Changes the fields of the mask."""
        user_id = found.parsed(request.user.id, "user")
        paths = fieldmask.paths(request.update_mask, request.user, fields.USER_FIELDS)
        problems = fields.Problems()
        columns = fields.user_columns(messages.user_fields(request.user, paths), problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            return messages.user(await users.update(session, user_id, request.user.etag, columns))

    async def DeactivateUser(
        self, request: pb2.DeactivateUserRequest, context: Context
    ) -> user_pb2.User:
        """Shuts a user out."""
        user_id = found.parsed(request.id, "user")
        async with self._sessions.begin() as session:
            return messages.user(await users.deactivate(session, user_id))

    async def SetPassword(
        self, request: pb2.SetPasswordRequest, context: Context
    ) -> empty_pb2.Empty:
        """Sets a password: one's own with the old one, another's with the right to."""
        user_id = callers.own_id() if request.id in callers.ME else found.parsed(request.id, "user")
        problems = fields.Problems()
        fields.check_password(request.new_password, "new_password", problems)
        problems.raise_if_any()
        own = callers.is_caller(user_id)
        if not own:
            rights.require("users", "write")
        if own:
            await self._proofs.old_password(user_id, request.old_password)
        else:
            async with self._sessions.begin() as session:
                await users.covered(session, user_id)
        password_hash = await self._passwords.hash(request.new_password)
        keep = callers.session_id(context) if own else None
        async with self._sessions.begin() as session:
            await users.set_password(session, self._post, user_id, password_hash, keep, own=own)
        return empty_pb2.Empty()

    async def InviteUser(self, request: pb2.InviteUserRequest, context: Context) -> empty_pb2.Empty:
        """Mails another link to a user who has no password yet."""
        user_id = found.parsed(request.id, "user")
        async with self._sessions.begin() as session:
            await resets.invite_again(session, user_id)
            self._post.must_mail()
        return empty_pb2.Empty()

    async def CreateTeam(self, request: pb2.CreateTeamRequest, context: Context) -> user_pb2.Team:
        """Adds a team."""
        problems = fields.Problems()
        columns = fields.name_columns(request.team.name, "team.name", problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:

            async def create() -> user_pb2.Team:
                return messages.team(await groups.create_team(session, columns))

            return await idempotency.once(session, "CreateTeam", request, user_pb2.Team, create)

    async def UpdateTeam(self, request: pb2.UpdateTeamRequest, context: Context) -> user_pb2.Team:
        """Changes the fields of the mask."""
        team_id = found.parsed(request.team.id, "team")
        paths = fieldmask.paths(request.update_mask, request.team, ("name",))
        problems = fields.Problems()
        columns: dict[str, object] = {}
        if "name" in paths:
            columns |= fields.name_columns(request.team.name, "team.name", problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            return messages.team(
                await groups.update_team(session, team_id, request.team.etag, columns)
            )

    async def ListTeams(
        self, request: pb2.ListTeamsRequest, context: Context
    ) -> pb2.ListTeamsResponse:
        """Lists teams by name."""
        wanted = {"list": "teams"}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        async with self._sessions.begin() as session:
            listed = await kept_groups.page_of_teams(session, page.size + 1, lists.after(page))
        return pb2.ListTeamsResponse(
            teams=[messages.team(team) for _, team in listed[: page.size]],
            next_page_token=lists.next_token(listed, page.size, wanted, self._seal_key),
        )

    async def CreateRole(self, request: pb2.CreateRoleRequest, context: Context) -> user_pb2.Role:
        """Adds a role."""
        problems = fields.Problems()
        columns = fields.name_columns(request.role.name, "role.name", problems)
        granted = fields.checked_rights(
            messages.triples(request.role.rights), "role.rights", problems
        )
        hidden = fields.checked_hidden(request.role.hidden_fields, _HIDDEN, problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:

            async def create() -> user_pb2.Role:
                return messages.role(await groups.create_role(session, columns, granted, hidden))

            return await idempotency.once(session, "CreateRole", request, user_pb2.Role, create)

    async def ListRoles(
        self, request: pb2.ListRolesRequest, context: Context
    ) -> pb2.ListRolesResponse:
        """Lists roles by name."""
        wanted = {"list": "roles"}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        async with self._sessions.begin() as session:
            listed = await kept_groups.page_of_roles(session, page.size + 1, lists.after(page))
        return pb2.ListRolesResponse(
            roles=[messages.role(role) for _, role in listed[: page.size]],
            next_page_token=lists.next_token(listed, page.size, wanted, self._seal_key),
        )

    async def UpdateRole(self, request: pb2.UpdateRoleRequest, context: Context) -> user_pb2.Role:
        """Changes the fields of the mask."""
        role_id = found.parsed(request.role.id, "role")
        paths = fieldmask.paths(request.update_mask, request.role, _ROLE_FIELDS)
        problems = fields.Problems()
        columns: dict[str, object] = {}
        if "name" in paths:
            columns |= fields.name_columns(request.role.name, "role.name", problems)
        if "rights" in paths:
            columns["rights"] = fields.checked_rights(
                messages.triples(request.role.rights), "role.rights", problems
            )
        if "hidden_fields" in paths:
            hidden = fields.checked_hidden(request.role.hidden_fields, _HIDDEN, problems)
            columns["hidden_fields"] = hidden
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            return messages.role(
                await groups.update_role(session, role_id, request.role.etag, columns)
            )
