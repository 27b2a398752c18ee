"""Choosing a password by a link that came by e-mail."""

from typing import Any

import grpc
from crm.accounts.v1 import password_service_pb2 as pb2
from crm.accounts.v1 import password_service_pb2_grpc as pb2_grpc
from google.protobuf import empty_pb2

from chassis import db
from chassis.rpc import times
from services.accounts.domain import fields
from services.accounts.domain.letters import Kind
from services.accounts.usecases import resets
from services.accounts.usecases.passwords import Passwords
from services.accounts.usecases.post import Post

Context = grpc.aio.ServicerContext[Any, Any]


class PasswordServicer(pb2_grpc.PasswordServiceServicer):
    """Serves `PasswordService`."""

    def __init__(self, sessions: db.Sessions, passwords: Passwords, post: Post) -> None:
        self._sessions = sessions
        self._passwords = passwords
        self._post = post

    async def RequestPasswordReset(
        self, request: pb2.RequestPasswordResetRequest, context: Context
    ) -> empty_pb2.Empty:
        """Has a link mailed, if there is somebody; does the same when there is nobody."""
        problems = fields.Problems()
        fields.user_columns({"email": request.email}, problems, prefix="")
        problems.raise_if_any()
        self._post.must_mail()
        async with self._sessions.begin() as session:
            await resets.ask(session, self._post, request.email, request.ip)
        return empty_pb2.Empty()

    async def DescribePasswordLink(
        self, request: pb2.DescribePasswordLinkRequest, context: Context
    ) -> pb2.DescribePasswordLinkResponse:
        """Says for whom a link is."""
        async with self._sessions.begin() as session:
            link, user = await resets.described(session, request.token)
        return pb2.DescribePasswordLinkResponse(
            email=user.email,
            invitation=link.kind == Kind.INVITATION,
            expire_time=times.out(link.expire_time),
        )

    async def ResetPassword(
        self, request: pb2.ResetPasswordRequest, context: Context
    ) -> empty_pb2.Empty:
        """Sets the password of a link's user; hashes only for a link that is good."""
        problems = fields.Problems()
        fields.check_password(request.new_password, "new_password", problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            await resets.described(session, request.token)
        password_hash = await self._passwords.hash(request.new_password)
        async with self._sessions.begin() as session:
            await resets.choose(session, self._post, request.token, password_hash)
        return empty_pb2.Empty()
