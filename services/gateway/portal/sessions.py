"""Customers who signed in: their cookie, and the token that opens what is their own."""

import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from urllib.parse import quote, unquote

from crm.accounts.v1 import contact_login_service_pb2 as pb2
from crm.accounts.v1.contact_login_service_pb2_grpc import ContactSessionServiceStub
from flask import Request, Response

from chassis import errors, networks
from services.gateway.clients import Peers
from services.gateway.config import Settings
from services.gateway.cookies import Guard, Held, Jar, digest

_HELD_SECONDS = 5.0
"""A session that was ended elsewhere may live on for this long."""
_EXPIRY_MARGIN_SECONDS = 10.0
_STEP_SECONDS = 15 * 60
_LONGEST = 500
_SECRET_LENGTH = 32


@dataclass(frozen=True)
class Customer:
    """A customer with a session: `token` is for the peers and opens one contact's data."""

    token: str
    login_id: str
    contact_id: str
    name: str
    language: str


@dataclass(frozen=True)
class Step:
    """Where a code was sent, and the secret of the browser that it works in."""

    address: str
    browser_secret: str


class ContactSessions:
    """Signs customers in and out, and gives the token of a session, kept for seconds."""

    def __init__(
        self, peers: Peers, settings: Settings, place: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """`place` holds one of the few threads that may wait for passwords to be compared."""
        self._peers = peers
        self._place = place
        self._held: Held[bytes, Customer] = Held()
        self._jar, self._guard = Jar(settings, "mekong-portal"), Guard(settings)

    def request_code(self, step: Step, ip: str) -> None:
        """Have a code sent for this browser, if somebody signs in with the address.

        Raises `InvalidArgument` for no address, `ResourceExhausted`, `FailedPrecondition`
        CONTACT_SENDER_MISSING.
        """
        self._stub().RequestContactCode(
            pb2.RequestContactCodeRequest(
                address=step.address, ip=ip, browser_secret=step.browser_secret
            )
        )

    def by_code(
        self, step: Step, code: str, *, user_agent: str, ip: str
    ) -> pb2.SignInContactResponse:
        """Return a new session; raises `Unauthenticated` SIGN_IN_REFUSED, `ResourceExhausted`."""
        return self._stub().SignInContact(
            pb2.SignInContactRequest(
                address=step.address,
                code=code,
                browser_secret=step.browser_secret,
                user_agent=user_agent[:_LONGEST],
                ip=ip,
            )
        )

    def by_password(
        self, address: str, password: str, *, user_agent: str, ip: str
    ) -> pb2.SignInContactResponse:
        """Return a new session; raises `Unauthenticated` SIGN_IN_REFUSED, `ResourceExhausted`."""
        asked = pb2.SignInContactRequest(
            address=address, password=password, user_agent=user_agent[:_LONGEST], ip=ip
        )
        with self._place():
            return self._stub().SignInContact(asked)

    def invitation(self, token: str) -> pb2.DescribeContactInvitationResponse:
        """Return whom an invitation is for; raises `NotFound` for one that has ended."""
        asked = pb2.DescribeContactInvitationRequest(token=token)
        return self._stub().DescribeContactInvitation(asked)

    def accept(
        self, token: str, *, password: str, user_agent: str, ip: str
    ) -> pb2.SignInContactResponse:
        """Return a new session.

        Raises `NotFound`, `InvalidArgument` for an unfit password, `ResourceExhausted`.
        """
        asked = pb2.AcceptInvitationRequest(
            token=token, password=password, user_agent=user_agent[:_LONGEST], ip=ip
        )
        with self._place() if password else nullcontext():
            return self._stub().AcceptInvitation(asked)

    def set_password(self, secret: str, *, old: str, new: str) -> None:
        """Give the customer another password; their other sessions end.

        Raises `Unauthenticated` SIGN_IN_REFUSED for another old one or an ended session,
        `FailedPrecondition` PROOF_TOO_OLD, `InvalidArgument`, `ResourceExhausted`.
        """
        asked = pb2.SetContactPasswordRequest(
            session_secret=secret, old_password=old, new_password=new
        )
        with self._place():
            self._stub().SetContactPassword(asked)

    def who(self, secret: str) -> Customer:
        """Return whose session this is.

        Raises `Unauthenticated` TOKEN_EXPIRED when it has ended, or the login was disabled.
        """
        key = digest(secret)
        held = self._held.get(key)
        if held is not None:
            return held
        asked = pb2.ExchangeContactSessionRequest(session_secret=secret)
        try:
            answer = self._stub().ExchangeContactSession(asked)
        except errors.Unauthenticated as ended:
            self._forget(key)
            raise errors.Unauthenticated("TOKEN_EXPIRED", "the session has ended") from ended
        login = answer.contact_login
        who = Customer(answer.token, login.id, login.contact_id, login.display_name, login.language)
        lives = answer.expire_time.ToSeconds() - time.time() - _EXPIRY_MARGIN_SECONDS
        self._held.keep(key, who, min(_HELD_SECONDS, lives))
        return who

    def sign_out(self, secret: str) -> None:
        """End the session of `secret` and forget its token."""
        self._forget(digest(secret))
        self._stub().SignOutContact(pb2.SignOutContactRequest(session_secret=secret))

    def remember(self, response: Response, session: pb2.SignInContactResponse) -> None:
        """Set the session cookie on `response`; the address that waited for a code is forgotten."""
        self._jar.put(response, session.session_secret, session.expire_time.ToSeconds())
        self._jar.take(response, name=self._step)

    def dismiss(self, response: Response) -> None:
        """Take the session cookie away."""
        self._jar.take(response)

    def secret_of(self, request: Request) -> str:
        """Return the session secret that came with `request`, or an empty string."""
        return self._jar.of(request)

    def limited_by(self, request: Request) -> str:
        """Return what a browser's requests are counted under: its session, or its address.

        Customers of one mobile network share few addresses.
        """
        secret = self.secret_of(request)
        return digest(secret).hex() if secret else networks.block(request.remote_addr or "")

    def new_step(self, request: Request, address: str) -> Step:
        """Return what a code is asked for with: by the secret that the browser has, or a new one.

        So the code that a browser asked for last is the one that works in it.
        """
        return Step(address, self.step_of(request).browser_secret or secrets.token_urlsafe(24))

    def remember_step(self, response: Response, step: Step) -> None:
        """Set the cookie on `response` that the page of the code needs."""
        ends = int(time.time()) + _STEP_SECONDS
        value = f"{step.browser_secret}.{quote(step.address, safe='')}"
        self._jar.put(response, value, ends, name=self._step)

    def step_of(self, request: Request) -> Step:
        """Return where a code was sent and for which browser; empty ones when none was."""
        browser_secret, _, address = self._jar.of(request, name=self._step).partition(".")
        if not address or len(browser_secret) != _SECRET_LENGTH:
            return Step("", "")
        return Step(unquote(address), browser_secret)

    def csrf_token(self, secret: str) -> str:
        """Return what forms and scripts of this session must send back."""
        return self._guard.csrf_token(secret)

    def check_csrf(self, request: Request, secret: str) -> None:
        """Raise `PermissionDenied` CSRF_REFUSED unless an unsafe request comes from our pages."""
        self._guard.check_csrf(request, secret)

    def check_origin(self, request: Request) -> None:
        """Raise `PermissionDenied` CSRF_REFUSED for a request that another site's page made."""
        self._guard.check_origin(request)

    @property
    def _step(self) -> str:
        return f"{self._jar.name}-step"

    def _stub(self) -> ContactSessionServiceStub:
        return self._peers.own(ContactSessionServiceStub)

    def _forget(self, key: bytes) -> None:
        self._held.forget(lambda it: it == key)
