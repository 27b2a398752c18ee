"""Which customer asks: the session cookie of the portal, and what protects it."""

import hashlib
import hmac
from dataclasses import dataclass

from flask import Request

from chassis import errors
from services.gateway.auth import CSRF_FIELD, CSRF_HEADER, SAFE_METHODS
from services.gateway.clients import Peers
from services.gateway.config import Settings


@dataclass(frozen=True)
class Customer:
    """A customer with a session: `token` is for the peers."""

    token: str
    login_id: str
    contact_id: str
    name: str
    language: str


class ContactSessions:
    """Gives the customer of a session. A stand-in until sign-in comes: nobody has a session."""

    def __init__(self, peers: Peers, settings: Settings) -> None:
        self._peers = peers
        self._settings = settings

    def who(self, secret: str) -> Customer:
        """Return whose session it is; raises `Unauthenticated` if it has ended."""
        raise errors.Unauthenticated("TOKEN_EXPIRED", "the session has ended")

    def secret_of(self, request: Request) -> str:
        """Return the session secret that came with `request`, or an empty string."""
        name = "__Host-mekong-portal" if self._settings.cookie_secure else "mekong-portal"
        return request.cookies.get(name, "")

    def csrf_token(self, secret: str) -> str:
        """Return what forms of this session must send back."""
        key = self._settings.seal_key.get_secret_value().encode()
        return hmac.new(key, b"portal csrf:" + secret.encode(), hashlib.sha256).hexdigest()

    def check_csrf(self, request: Request, secret: str) -> None:
        """Raise `PermissionDenied` CSRF_REFUSED unless an unsafe request comes from our pages."""
        if request.method in SAFE_METHODS:
            return
        given = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
        if not hmac.compare_digest(given.encode(), self.csrf_token(secret).encode()):
            raise errors.PermissionDenied("CSRF_REFUSED", "the CSRF token is missing or wrong")
