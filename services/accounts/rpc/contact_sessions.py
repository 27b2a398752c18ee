"""Signing in and out of customers, for the gateway."""

from datetime import UTC, datetime
from typing import Any

import grpc
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from crm.accounts.v1 import contact_login_service_pb2_grpc as pb2_grpc
from google.protobuf import empty_pb2

from chassis import db, errors
from chassis.rpc import times
from services.accounts.domain import codes, fields, reachable, secrets
from services.accounts.domain.logins import ContactLogin
from services.accounts.messages import logins as messages
from services.accounts.usecases import attempts, contact_signin
from services.accounts.usecases.contact_signin import Browser, Welcome
from services.accounts.usecases.logins import Senders, account
from services.accounts.usecases.passwords import Passwords
from services.accounts.usecases.signin import Limits
from services.accounts.usecases.tokens import Issuer

Context = grpc.aio.ServicerContext[Any, Any]


class ContactSessionServicer(pb2_grpc.ContactSessionServiceServicer):
    """Serves `ContactSessionService`."""

    def __init__(
        self,
        sessions: db.Sessions,
        issuer: Issuer,
        passwords: Passwords,
        limits: Limits,
        senders: Senders,
        code_key: bytes,
    ) -> None:
        self._sessions = sessions
        self._issuer = issuer
        self._passwords = passwords
        self._limits = limits
        self._senders = senders
        self._code_key = code_key

    async def RequestContactCode(
        self, request: pb2.RequestContactCodeRequest, context: Context
    ) -> empty_pb2.Empty:
        """Has a code sent, if there is somebody; does the same when there is nobody."""
        _check_asking(request.address, request.browser_secret)
        self._senders.must_send(reachable.channel_of(reachable.key(request.address)))
        async with self._sessions.begin() as session:
            browser = Browser(request.ip, "", secrets.digest(request.browser_secret))
            await contact_signin.ask_code(session, self._senders, request.address, browser)
        return empty_pb2.Empty()

    async def SignInContact(
        self, request: pb2.SignInContactRequest, context: Context
    ) -> pb2.SignInContactResponse:
        """Signs a customer in with a code, or with a password outside any transaction."""
        if bool(request.code) is bool(request.password):
            problems = fields.Problems()
            problems.add("code", "give either code or password")
            problems.raise_if_any()
        secret_hash = secrets.digest(request.browser_secret)
        browser = Browser(request.ip, request.user_agent, secret_hash)
        if request.code:
            async with self._sessions.begin() as session:
                made = await contact_signin.by_code(
                    session, self._limits, self._code_key, request.address, request.code, browser
                )
        else:
            made = await self._by_password(request.address, request.password, browser)
        if made is None:
            raise errors.Unauthenticated(
                "SIGN_IN_REFUSED", "the address and what was given do not belong together"
            )
        return _signed_in(made)

    async def DescribeContactInvitation(
        self, request: pb2.DescribeContactInvitationRequest, context: Context
    ) -> pb2.DescribeContactInvitationResponse:
        """Says for whom an invitation is."""
        async with self._sessions.begin() as session:
            return messages.invitation(*await contact_signin.invited(session, request.token))

    async def AcceptInvitation(
        self, request: pb2.AcceptInvitationRequest, context: Context
    ) -> pb2.SignInContactResponse:
        """Signs a customer in; hashes a password only for an invitation that is good."""
        if request.password:
            _check_password(request.password, "password")
        async with self._sessions.begin() as session:
            await contact_signin.invited(session, request.token)
        password_hash = await self._passwords.hash(request.password) if request.password else ""
        browser = Browser(request.ip, request.user_agent)
        async with self._sessions.begin() as session:
            made = await contact_signin.accept(
                session, self._limits, request.token, password_hash, browser
            )
        return _signed_in(made)

    async def ExchangeContactSession(
        self, request: pb2.ExchangeContactSessionRequest, context: Context
    ) -> pb2.ExchangeContactSessionResponse:
        """Gives a token that opens what is the customer's own."""
        async with self._sessions.begin() as session:
            made = await contact_signin.exchange(
                session, self._limits, self._issuer, request.session_secret
            )
        return pb2.ExchangeContactSessionResponse(
            token=made.token.text,
            expire_time=times.out(made.token.expire_time),
            contact_login=messages.login(made.login),
        )

    async def SignOutContact(
        self, request: pb2.SignOutContactRequest, context: Context
    ) -> empty_pb2.Empty:
        """Ends the session of a secret; one that ended before is no error."""
        async with self._sessions.begin() as session:
            await contact_signin.sign_out(session, request.session_secret)
        return empty_pb2.Empty()

    async def SetContactPassword(
        self, request: pb2.SetContactPasswordRequest, context: Context
    ) -> empty_pb2.Empty:
        """Sets the password of a session's customer, who proved anew who they are."""
        _check_password(request.new_password, "new_password")
        secret, old = request.session_secret, request.old_password
        async with self._sessions.begin() as session:
            live, login = await contact_signin.live_session(session, self._limits, secret)
        if contact_signin.must_prove(live, login, old, datetime.now(UTC)):
            await self._prove(login, old)
        password_hash = await self._passwords.hash(request.new_password)
        async with self._sessions.begin() as session:
            await contact_signin.set_password(session, self._limits, secret, login, password_hash)
        return empty_pb2.Empty()

    async def _by_password(self, address: str, password: str, browser: Browser) -> Welcome | None:
        limits, ip = self._limits, browser.ip
        async with self._sessions.begin() as session:
            login, attempt = await contact_signin.admit(session, limits, address, ip)
        if not await self._matches(login, password) or login is None:
            return None
        newer = ""
        if self._passwords.outdated(login.password_hash):
            newer = await self._passwords.hash(password)
        async with self._sessions.begin() as session:
            return await contact_signin.by_password(session, limits, login, newer, browser, attempt)

    async def _prove(self, login: ContactLogin, old_password: str) -> None:
        """Raises `Unauthenticated` for another password than the login's, which is counted."""
        async with self._sessions.begin() as session:
            name = account(login.address_key or "")
            attempt = await attempts.count(session, self._limits.failures_per_minute, name)
        if not await self._matches(login, old_password):
            raise errors.Unauthenticated("SIGN_IN_REFUSED", "the old password is another one")
        async with self._sessions.begin() as session:
            await attempts.take_back(session, attempt)

    async def _matches(self, login: ContactLogin | None, password: str) -> bool:
        """Compares, in as much time when there is nobody; notes what was wrong."""
        kept = login.password_hash if login is not None else None
        matches = await self._passwords.check(kept, password)
        if not matches:
            async with self._sessions.begin() as session:
                await contact_signin.refuse(session, login)
        return matches


def _signed_in(made: Welcome) -> pb2.SignInContactResponse:
    return messages.signed_in(made.secret, made.session.expire_time, made.login)


def _check_asking(address: str, browser_secret: str) -> None:
    problems = fields.Problems()
    if not codes.SECRET_LEAST <= len(browser_secret) <= codes.SECRET_MOST:
        problems.add("browser_secret", "must be 16 to 100 characters at random")
    if not reachable.is_address(address):
        problems.add(
            "address", "not a phone number or e-mail address" if address else "is required"
        )
    problems.raise_if_any()


def _check_password(password: str, field: str) -> None:
    problems = fields.Problems()
    fields.check_password(password, field, problems)
    problems.raise_if_any()
