"""Signing in at the OpenID provider of the house, if it has one."""

import hmac
import threading
import time
from urllib.parse import quote, unquote

import grpc
from crm.accounts.v1 import oidc_service_pb2 as pb2
from crm.accounts.v1.oidc_service_pb2_grpc import OidcServiceStub
from crm.accounts.v1.session_service_pb2 import SignInResponse
from flask import Request, Response

from chassis import errors
from services.gateway.auth import Sessions
from services.gateway.clients import Peers

_KNOWN_SECONDS = 60.0
_AGAIN_SECONDS = 5.0
_LONGEST = 2_000


class Oidc:
    """Begins and completes sign-ins, each bound to the browser by a cookie."""

    def __init__(self, peers: Peers, sessions: Sessions) -> None:
        self._peers = peers
        self._sessions = sessions
        self._label = ""
        self._ask_at = 0.0
        self._lock = threading.Lock()

    @property
    def cookie(self) -> str:
        """Name of the cookie that waits for the browser to come back from the provider."""
        return f"{self._sessions.jar.name}-oidc"

    def label(self) -> str:
        """Return how the provider is called, empty without one; asked for once a minute.

        While accounts is away it is what was known before, so that the page is there.
        """
        now = time.monotonic()
        with self._lock:
            if now < self._ask_at:
                return self._label
            # Whoever comes meanwhile takes what is known.
            self._ask_at = now + _AGAIN_SECONDS
        try:
            label = self._stub().GetOidcProvider(pb2.GetOidcProviderRequest()).label
        except (errors.Error, grpc.RpcError):
            return self._label
        with self._lock:
            self._label, self._ask_at = label, now + _KNOWN_SECONDS
        return label

    def begin(self, request: Request) -> pb2.BeginOidcSignInResponse:
        """Return where the browser goes; raises `Unavailable`, `NotFound` without a provider.

        Raises `PermissionDenied` CSRF_REFUSED for a browser that another site sends.
        """
        self._sessions.check_origin(request)
        with self._sessions.place():
            return self._stub().BeginOidcSignIn(pb2.BeginOidcSignInRequest())

    def remember(self, response: Response, begun: pb2.BeginOidcSignInResponse, back: str) -> None:
        """Bind a sign-in to the browser, with the page of ours that it leads to."""
        value = f"{begun.state}.{quote(back[:_LONGEST], safe='')}"
        ends = begun.expire_time.ToSeconds()
        self._sessions.jar.put(response, value, ends, name=self.cookie)

    def complete(self, request: Request, *, user_agent: str, ip: str) -> SignInResponse:
        """Return the session that a browser has earned at the provider, or a challenge.

        Raises `Unauthenticated` OIDC_STATE_ENDED (also for a browser that began nothing),
        OIDC_DENIED or OIDC_ANSWER_INVALID, `PermissionDenied` OIDC_PERSON_REFUSED, `Unavailable`,
        `ResourceExhausted`.
        """
        state = self._kept(request)[0]
        given = request.args.get("state", "")
        if not state or not hmac.compare_digest(given.encode(), state.encode()):
            raise errors.Unauthenticated("OIDC_STATE_ENDED", "this browser did not begin that")
        asked = pb2.CompleteOidcSignInRequest(
            state=state,
            code=request.args.get("code", "")[:_LONGEST],
            error=request.args.get("error", "")[:_LONGEST],
            issuer=request.args.get("iss", "")[:_LONGEST],
            user_agent=user_agent[:500],
            ip=ip,
        )
        with self._sessions.place():
            return self._stub().CompleteOidcSignIn(asked)

    def back(self, request: Request) -> str:
        """Return the page that the sign-in was begun for; check it as anything from a browser."""
        return unquote(self._kept(request)[1])

    def dismiss(self, response: Response) -> None:
        """Take the cookie away."""
        self._sessions.jar.take(response, name=self.cookie)

    def _kept(self, request: Request) -> tuple[str, str]:
        state, _, back = request.cookies.get(self.cookie, "").partition(".")
        return state, back

    def _stub(self) -> OidcServiceStub:
        return self._peers.own(OidcServiceStub)
