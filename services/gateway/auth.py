"""Who asks: bearer tokens of programs, and session cookies of people."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from crm.accounts.v1 import session_service_pb2, user_pb2
from crm.accounts.v1.session_service_pb2_grpc import SessionServiceStub
from flask import Request, Response

from chassis import errors
from services.gateway import metrics
from services.gateway.clients import Peers
from services.gateway.config import Settings
from services.gateway.cookies import Guard, Held, Jar, digest

_LONGEST_ID = 36
_EXPIRY_MARGIN_SECONDS = 10.0


@dataclass(frozen=True)
class SignedIn:
    """A person with a session: `token` is for the peers, `rights` for showing controls.

    `hidden` names the fields that peers leave out of their answers: `contacts.phones`.
    `viewed_as` is the role that the person looks through, if one was chosen.
    """

    token: str
    user: user_pb2.User
    rights: Mapping[tuple[str, str], int]
    hidden: frozenset[str] = frozenset()
    viewed_as: user_pb2.Role | None = None

    def may(self, resource: str, action: str) -> bool:
        """Whether the person may at all; how far is decided by the service that is asked."""
        for pair in ((resource, action), (resource, "*"), ("*", action), ("*", "*")):
            if pair in self.rights:
                return self.rights[pair] > user_pb2.LEVEL_NONE
        return False


_Key = tuple[bytes, str]
"""The digest of a session's secret, and the role looked through."""


class Sessions:
    """Signs people in and out, and gives the token of a session, kept for seconds."""

    def __init__(self, peers: Peers, settings: Settings) -> None:
        self._peers = peers
        self._keeps_seconds = settings.session_cache_seconds
        self._held: Held[_Key, SignedIn] = Held(metrics.sessions_cached.set)
        self.jar, self._guard = Jar(settings, "mekong"), Guard(settings)
        self._places = threading.Semaphore(settings.sign_ins_max)

    @property
    def challenge_cookie(self) -> str:
        """Name of the cookie that waits for the second step of a sign-in."""
        return f"{self.jar.name}-step"

    @property
    def view_cookie(self) -> str:
        """Name of the cookie that says which role the browser looks through."""
        return f"{self.jar.name}-view"

    def sign_in(
        self, email: str, password: str, *, user_agent: str, ip: str
    ) -> session_service_pb2.SignInResponse:
        """Return a new session, or the challenge of the second step.

        Raises `Unauthenticated` SIGN_IN_REFUSED, `ResourceExhausted`.
        """
        asked = session_service_pb2.SignInRequest(
            email=email, password=password, user_agent=user_agent[:500], ip=ip
        )
        with self.place():
            return self._peers.own(SessionServiceStub).SignIn(asked)

    def complete_sign_in(
        self, challenge: str, code: str, *, user_agent: str, ip: str
    ) -> session_service_pb2.SignInResponse:
        """Return a new session.

        Raises `Unauthenticated` SIGN_IN_REFUSED for a wrong code, CHALLENGE_ENDED to begin anew,
        `ResourceExhausted`.
        """
        return self._peers.own(SessionServiceStub).CompleteSignIn(
            session_service_pb2.CompleteSignInRequest(
                challenge=challenge, code=code, user_agent=user_agent[:500], ip=ip
            )
        )

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the few threads that may wait for a sign-in, so that pages keep theirs.

        Raises `ResourceExhausted` when there is none.
        """
        if not self._places.acquire(blocking=False):
            raise errors.ResourceExhausted(
                "RATE_LIMITED", "too many sign-ins at once here", retry_after_seconds=1
            )
        try:
            yield
        finally:
            self._places.release()

    def who(self, secret: str, view_role_id: str = "") -> SignedIn:
        """Return who the session of `secret` is, through a role if one is named.

        Raises `Unauthenticated` if the session has ended, `NotFound` if there is no such role.
        """
        key = digest(secret), view_role_id
        held = self._held.get(key)
        if held is not None:
            return held
        try:
            answer = self._peers.own(SessionServiceStub).ExchangeSession(
                session_service_pb2.ExchangeSessionRequest(
                    session_secret=secret, view_role_id=view_role_id
                )
            )
        except errors.Unauthenticated as ended:
            self._forget(key[0])
            raise errors.Unauthenticated("TOKEN_EXPIRED", "the session has ended") from ended
        lives = answer.expire_time.ToSeconds() - time.time() - _EXPIRY_MARGIN_SECONDS
        hidden = frozenset(answer.hidden_fields)
        view = answer.viewed_as if answer.HasField("viewed_as") else None
        who = SignedIn(answer.token, answer.user, _rights(answer.rights), hidden, view)
        self._held.keep(key, who, min(self._keeps_seconds, lives))
        return who

    def sign_out(self, secret: str) -> None:
        """End the session of `secret` and forget its token."""
        self._forget(digest(secret))
        self._peers.own(SessionServiceStub).SignOut(
            session_service_pb2.SignOutRequest(session_secret=secret)
        )

    def remember(self, response: Response, session: session_service_pb2.SignInResponse) -> None:
        """Set the session cookie on `response`."""
        ends = session.session.expire_time.ToSeconds()
        self.jar.put(response, session.session_secret, ends)

    def remember_challenge(
        self, response: Response, asked: session_service_pb2.SignInResponse
    ) -> None:
        """Set the cookie on `response` that the second step needs."""
        ends = asked.challenge_expire_time.ToSeconds()
        self.jar.put(response, asked.challenge, ends, name=self.challenge_cookie)

    def dismiss(self, response: Response) -> None:
        """Take the session cookie away."""
        self.jar.take(response)

    def dismiss_challenge(self, response: Response) -> None:
        """Take the cookie of the second step away."""
        self.jar.take(response, name=self.challenge_cookie)

    def challenge_of(self, request: Request) -> str:
        """Return the challenge that came with `request`, or an empty string."""
        return self.jar.of(request, name=self.challenge_cookie)

    def secret_of(self, request: Request) -> str:
        """Return the session secret that came with `request`, or an empty string."""
        return self.jar.of(request)

    def view_of(self, request: Request) -> str:
        """Return the role that the browser looks through, or an empty string.

        Anybody may set it: it can only take away.
        """
        return self.jar.of(request, name=self.view_cookie)[:_LONGEST_ID]

    def remember_view(self, response: Response, role_id: str) -> None:
        """Have the browser look through a role, until it is closed or `dismiss_view` is called."""
        self.jar.put(response, role_id, 0, name=self.view_cookie)

    def dismiss_view(self, response: Response) -> None:
        """Have the browser look through one's own role again."""
        self.jar.take(response, name=self.view_cookie)

    def csrf_token(self, secret: str) -> str:
        """Return what forms and scripts of this session must send back."""
        return self._guard.csrf_token(secret)

    def check_csrf(self, request: Request, secret: str) -> None:
        """Raise `PermissionDenied` CSRF_REFUSED unless an unsafe request comes from our pages."""
        self._guard.check_csrf(request, secret)

    def check_origin(self, request: Request) -> None:
        """Raise `PermissionDenied` CSRF_REFUSED for a request that another site's page made."""
        self._guard.check_origin(request)

    def token_for(self, request: Request) -> str:
        """Return the token to call peers with: the caller's own, or that of the session cookie.

        Raises `Unauthenticated` when there is neither, `PermissionDenied` CSRF_REFUSED when an
        unsafe request comes with a cookie alone.
        """
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token.strip() or " " in token.strip():
                raise errors.Unauthenticated("TOKEN_INVALID", "send Authorization: Bearer <token>")
            return token.strip()
        secret = self.secret_of(request)
        if not secret:
            raise errors.Unauthenticated("TOKEN_INVALID", "this call needs a token or a session")
        self.check_csrf(request, secret)
        return self.who(secret, self.view_of(request)).token

    def _forget(self, secret_digest: bytes) -> None:
        self._held.forget(lambda key: key[0] == secret_digest)


def _rights(given: Iterable[user_pb2.Right]) -> dict[tuple[str, str], int]:
    return {(right.resource, right.action): right.level for right in given}
