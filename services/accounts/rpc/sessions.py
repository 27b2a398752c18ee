"""Signing in and out, and what is signed in."""

from typing import Any

import grpc
from crm.accounts.v1 import session_service_pb2 as pb2
from crm.accounts.v1 import session_service_pb2_grpc as pb2_grpc
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import db, errors
from chassis.db import paging
from chassis.rpc import rights, times
from services.accounts.messages import people
from services.accounts.messages import sessions as messages
from services.accounts.rpc import callers
from services.accounts.storage import sessions as kept_sessions
from services.accounts.storage import users
from services.accounts.usecases import found, signin
from services.accounts.usecases.factors import Factors
from services.accounts.usecases.passwords import Passwords
from services.accounts.usecases.tokens import Issuer

Context = grpc.aio.ServicerContext[Any, Any]


def answer(next_: signin.Welcome | signin.Challenge) -> pb2.SignInResponse:
    """Returns what a sign-in led to."""
    if isinstance(next_, signin.Challenge):
        return messages.challenge(next_.secret, next_.expire_time)
    return messages.signed_in(next_.session, next_.secret, next_.user)


class SessionServicer(pb2_grpc.SessionServiceServicer):
    """Serves `SessionService`."""

    def __init__(
        self,
        sessions: db.Sessions,
        issuer: Issuer,
        passwords: Passwords,
        factors: Factors,
        limits: signin.Limits,
        seal_key: SecretStr,
    ) -> None:
        self._sessions = sessions
        self._issuer = issuer
        self._passwords = passwords
        self._factors = factors
        self._limits = limits
        self._seal_key = seal_key

    async def SignIn(self, request: pb2.SignInRequest, context: Context) -> pb2.SignInResponse:
        """Signs a user in; the password is compared outside any transaction."""
        email, ip = request.email, request.ip
        async with self._sessions.begin() as session:
            user, attempt = await signin.admit(session, self._limits, email, ip)
        kept = user.password_hash if user is not None and user.active else None
        matches = await self._passwords.check(kept, request.password)
        if user is None or not matches:
            async with self._sessions.begin() as session:
                await signin.refuse(session, user)
            raise errors.Unauthenticated(
                "SIGN_IN_REFUSED", "e-mail address and password do not belong together"
            )
        newer = None
        if self._passwords.outdated(user.password_hash):
            newer = await self._passwords.hash(request.password)
        async with self._sessions.begin() as session:
            if newer is not None:
                await users.set_password_hash(session, user.id, newer)
            next_ = await signin.proceed(
                session, self._limits, attempt, user, ip, request.user_agent
            )
        return answer(next_)

    async def CompleteSignIn(
        self, request: pb2.CompleteSignInRequest, context: Context
    ) -> pb2.SignInResponse:
        """Ends a challenge; a code that is wrong leaves it as it is."""
        limits, challenge, ip = self._limits, request.challenge, request.ip
        async with self._sessions.begin() as session:
            user, attempt = await signin.challenged(session, limits, challenge, ip)
        async with self._sessions.begin() as session:
            matches = await self._factors.accept(session, user.id, request.code.strip())
            if matches:
                made = await signin.complete(
                    session, limits, attempt, user, challenge, ip, request.user_agent
                )
            else:
                await signin.refuse(session, user)
        if not matches:
            raise errors.Unauthenticated("SIGN_IN_REFUSED", "the code is not right")
        return messages.signed_in(made.session, made.secret, made.user)

    async def ExchangeSession(
        self, request: pb2.ExchangeSessionRequest, context: Context
    ) -> pb2.ExchangeSessionResponse:
        """Gives a token for all services with the user's rights of now."""
        view = found.parsed(request.view_role_id, "role") if request.view_role_id else None
        async with self._sessions.begin() as session:
            made = await signin.exchange(
                session, self._limits, self._issuer, request.session_secret, view
            )
        return pb2.ExchangeSessionResponse(
            token=made.token.text,
            expire_time=times.out(made.token.expire_time),
            user=people.user(made.user),
            rights=people.plain_rights(made.role),
            hidden_fields=made.role.hidden_fields,
            viewed_as=people.role(made.viewed_as) if made.viewed_as else None,
        )

    async def SignOut(self, request: pb2.SignOutRequest, context: Context) -> empty_pb2.Empty:
        """Ends the session of a secret; one that ended before is no error."""
        async with self._sessions.begin() as session:
            await signin.sign_out(session, request.session_secret)
        return empty_pb2.Empty()

    async def ListSessions(
        self, request: pb2.ListSessionsRequest, context: Context
    ) -> pb2.ListSessionsResponse:
        """Lists the caller's sessions, or with the right to read users another's."""
        if request.user_id in callers.ME:
            user_id = callers.own_id()
        else:
            rights.require("users", "read")
            user_id = found.parsed(request.user_id, "user")
        wanted = {"user_id": str(user_id)}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        after: Any = page.after[0] if page.after else None
        async with self._sessions.begin() as session:
            listed = await kept_sessions.page(
                session, user_id, page.size + 1, after, self._limits.idle
            )
        shown = listed[: page.size]
        more = len(listed) > page.size
        return pb2.ListSessionsResponse(
            sessions=[messages.session(each) for each in shown],
            next_page_token=paging.token([shown[-1].id], wanted, self._seal_key) if more else "",
        )

    async def RevokeSession(
        self, request: pb2.RevokeSessionRequest, context: Context
    ) -> empty_pb2.Empty:
        """Ends one's own session, or with the right to write users another's."""
        session_id = found.parsed(request.id, "session")
        async with self._sessions.begin() as session:
            kept = found.existing(
                await kept_sessions.get(session, session_id), "session", session_id
            )
            if not callers.is_caller(kept.user_id):
                rights.require("users", "write")
            await signin.revoke(session, session_id)
        return empty_pb2.Empty()
