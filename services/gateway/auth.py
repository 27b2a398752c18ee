"""Who asks: bearer tokens of programs, session cookies of people, and what protects the latter."""

import hashlib
import hmac
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from crm.accounts.v1 import session_service_pb2, user_pb2
from crm.accounts.v1.session_service_pb2_grpc import SessionServiceStub
from flask import Request, Response

from chassis import errors, sealing
from services.gateway import metrics
from services.gateway.clients import Peers
from services.gateway.config import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"

_LONGEST_ID = 36
_REMEMBERED = 10_000
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


@dataclass(frozen=True)
class _Held:
    who: SignedIn
    until: float


class Sessions:
    """Signs people in and out, and gives the token of a session, kept for a minute."""

    def __init__(self, peers: Peers, settings: Settings) -> None:
        self._peers = peers
        self._settings = settings
        self._held: dict[_Key, _Held] = {}
        self._lock = threading.Lock()

    @property
    def cookie(self) -> str:
        """Name of the session cookie; browsers bind a `__Host-` one to this host and to HTTPS."""
        return "__Host-mekong" if self._settings.cookie_secure else "mekong"

    @property
    def challenge_cookie(self) -> str:
        """Name of the cookie that waits for the second step of a sign-in."""
        return f"{self.cookie}-step"

    @property
    def view_cookie(self) -> str:
        """Name of the cookie that says which role the browser looks through."""
        return f"{self.cookie}-view"

    def sign_in(
        self, email: str, password: str, *, user_agent: str, ip: str
    ) -> session_service_pb2.SignInResponse:
        """Return a new session, or the challenge of the second step.

        Raises `Unauthenticated` SIGN_IN_REFUSED, `ResourceExhausted`.
        """
        return self._peers.own(SessionServiceStub).SignIn(
            session_service_pb2.SignInRequest(
                email=email, password=password, user_agent=user_agent[:500], ip=ip
            )
        )

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

    def who(self, secret: str, view_role_id: str = "") -> SignedIn:
        """Return who the session of `secret` is, through a role if one is named.

        Raises `Unauthenticated` if the session has ended, `NotFound` if there is no such role.
        """
        key, now = (_digest(secret), view_role_id), time.monotonic()
        with self._lock:
            held = self._held.get(key)
        if held is not None and held.until > now:
            return held.who
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
        self._keep(key, _Held(who, now + min(self._settings.session_cache_seconds, lives)))
        return who

    def sign_out(self, secret: str) -> None:
        """End the session of `secret` and forget its token."""
        self._forget(_digest(secret))
        self._peers.own(SessionServiceStub).SignOut(
            session_service_pb2.SignOutRequest(session_secret=secret)
        )

    def remember(self, response: Response, session: session_service_pb2.SignInResponse) -> None:
        """Set the session cookie on `response`."""
        ends = session.session.expire_time.ToSeconds()
        self._set(response, self.cookie, session.session_secret, ends)

    def remember_challenge(
        self, response: Response, asked: session_service_pb2.SignInResponse
    ) -> None:
        """Set the cookie on `response` that the second step needs."""
        ends = asked.challenge_expire_time.ToSeconds()
        self._set(response, self.challenge_cookie, asked.challenge, ends)

    def dismiss(self, response: Response) -> None:
        """Take the session cookie away."""
        self._delete(response, self.cookie)

    def dismiss_challenge(self, response: Response) -> None:
        """Take the cookie of the second step away."""
        self._delete(response, self.challenge_cookie)

    def _set(self, response: Response, name: str, value: str, ends: int) -> None:
        secure = self._settings.cookie_secure
        response.set_cookie(
            name, value, expires=ends or None, secure=secure, httponly=True, samesite="Lax"
        )

    def _delete(self, response: Response, name: str) -> None:
        secure = self._settings.cookie_secure
        response.delete_cookie(name, secure=secure, httponly=True, samesite="Lax")

    def challenge_of(self, request: Request) -> str:
        """Return the challenge that came with `request`, or an empty string."""
        return request.cookies.get(self.challenge_cookie, "")

    def secret_of(self, request: Request) -> str:
        """Return the session secret that came with `request`, or an empty string."""
        return request.cookies.get(self.cookie, "")

    def view_of(self, request: Request) -> str:
        """Return the role that the browser looks through, or an empty string.

        Anybody may set it: it can only take away.
        """
        return request.cookies.get(self.view_cookie, "")[:_LONGEST_ID]

    def remember_view(self, response: Response, role_id: str) -> None:
        """Have the browser look through a role, until it is closed or `dismiss_view` is called."""
        self._set(response, self.view_cookie, role_id, 0)

    def dismiss_view(self, response: Response) -> None:
        """Have the browser look through one's own role again."""
        self._delete(response, self.view_cookie)

    def csrf_token(self, secret: str) -> str:
        """Return what forms and scripts of this session must send back."""
        return self._csrf_tokens(secret)[0]

    def _csrf_tokens(self, secret: str) -> list[str]:
        """Return what is good for this session: by the key that seals, and by older ones."""
        said = b"csrf:" + _digest(secret)
        return [
            hmac.new(key.encode(), said, hashlib.sha256).hexdigest()
            for key in sealing.lines(self._settings.seal_key.get_secret_value())
        ]

    def check_csrf(self, request: Request, secret: str) -> None:
        """Raise `PermissionDenied` CSRF_REFUSED unless an unsafe request comes from our pages."""
        if request.method in SAFE_METHODS:
            return
        self.check_origin(request)
        given = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
        good = (it.encode() for it in self._csrf_tokens(secret))
        if not any(hmac.compare_digest(given.encode(), it) for it in good):
            raise errors.PermissionDenied("CSRF_REFUSED", "the CSRF token is missing or wrong")

    def check_origin(self, request: Request) -> None:
        """Raise `PermissionDenied` CSRF_REFUSED for a request that another site's page made."""
        origin = request.headers.get("Origin")
        ours = {_origin(self._settings.public_url), _origin(request.host_url)}
        elsewhere = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        if (origin is not None and origin not in ours) or (origin is None and elsewhere):
            raise errors.PermissionDenied("CSRF_REFUSED", "the request comes from another site")

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

    def _keep(self, key: _Key, held: _Held) -> None:
        with self._lock:
            if len(self._held) >= _REMEMBERED:
                now = time.monotonic()
                self._held = {k: it for k, it in self._held.items() if it.until > now}
            if len(self._held) < _REMEMBERED:
                self._held[key] = held
            metrics.sessions_cached.set(len(self._held))

    def _forget(self, secret_digest: bytes) -> None:
        with self._lock:
            for key in [it for it in self._held if it[0] == secret_digest]:
                del self._held[key]
            metrics.sessions_cached.set(len(self._held))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _rights(given: Iterable[user_pb2.Right]) -> dict[tuple[str, str], int]:
    return {(right.resource, right.action): right.level for right in given}
