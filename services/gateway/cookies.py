"""The cookies of people who signed in, and what keeps other sites' pages from using them."""

import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from flask import Request, Response

from chassis import errors, sealing
from services.gateway.config import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"

_REMEMBERED = 10_000

K = TypeVar("K")
V = TypeVar("V")


class Jar:
    """Sets, reads and takes away cookies that scripts and other sites' pages do not get."""

    def __init__(self, settings: Settings, name: str) -> None:
        """`name` is that of the session cookie, without what binds it to this host."""
        self._secure = settings.cookie_secure
        # Browsers bind a `__Host-` one to this host and to HTTPS.
        self.name = f"__Host-{name}" if self._secure else name

    def put(self, response: Response, value: str, ends: int, *, name: str = "") -> None:
        """Set a cookie, the session's unless another is named, until `ends` (Unix time)."""
        response.set_cookie(
            name or self.name,
            value,
            expires=ends or None,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )

    def take(self, response: Response, *, name: str = "") -> None:
        """Take a cookie away."""
        response.delete_cookie(
            name or self.name, secure=self._secure, httponly=True, samesite="Lax"
        )

    def of(self, request: Request, *, name: str = "") -> str:
        """Return what a cookie of `request` holds, or an empty string."""
        return request.cookies.get(name or self.name, "")


class Guard:
    """Tells requests that our own pages made from those of others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def csrf_token(self, secret: str) -> str:
        """Return what forms and scripts of this session must send back."""
        return self._tokens(secret)[0]

    def check_csrf(self, request: Request, secret: str) -> None:
        """Raise `PermissionDenied` CSRF_REFUSED unless an unsafe request comes from our pages."""
        if request.method in SAFE_METHODS:
            return
        self.check_origin(request)
        given = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
        good = (it.encode() for it in self._tokens(secret))
        if not any(hmac.compare_digest(given.encode(), it) for it in good):
            raise errors.PermissionDenied("CSRF_REFUSED", "the CSRF token is missing or wrong")

    def check_origin(self, request: Request) -> None:
        """Raise `PermissionDenied` CSRF_REFUSED for a request that another site's page made."""
        origin = request.headers.get("Origin")
        ours = {_origin(self._settings.public_url), _origin(request.host_url)}
        elsewhere = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        if (origin is not None and origin not in ours) or (origin is None and elsewhere):
            raise errors.PermissionDenied("CSRF_REFUSED", "the request comes from another site")

    def _tokens(self, secret: str) -> list[str]:
        """Return what is good for this session: by the key that seals, and by older ones."""
        said = b"csrf:" + digest(secret)
        return [
            hmac.new(key.encode(), said, hashlib.sha256).hexdigest()
            for key in sealing.lines(self._settings.seal_key.get_secret_value())
        ]


class Held(Generic[K, V]):
    """What was asked for and may be used for a while; never more than 10,000 things."""

    def __init__(self, tell: Callable[[int], None] = lambda _: None) -> None:
        """`tell` hears how many things there are."""
        self._held: dict[K, tuple[V, float]] = {}
        self._lock = threading.Lock()
        self._tell = tell

    def get(self, key: K) -> V | None:
        """Return what is held under a key, None for nothing that may still be used."""
        with self._lock:
            held = self._held.get(key)
        return held[0] if held is not None and held[1] > time.monotonic() else None

    def keep(self, key: K, value: V, seconds: float) -> None:
        """Hold something for a while, if there is room."""
        now = time.monotonic()
        with self._lock:
            if len(self._held) >= _REMEMBERED:
                self._held = {k: it for k, it in self._held.items() if it[1] > now}
            if len(self._held) < _REMEMBERED:
                self._held[key] = value, now + seconds
            self._tell(len(self._held))

    def forget(self, which: Callable[[K], bool]) -> None:
        """Drop what is held under these keys."""
        with self._lock:
            for key in [it for it in self._held if which(it)]:
                del self._held[key]
            self._tell(len(self._held))


def digest(secret: str) -> bytes:
    """Return what a secret is known by here."""
    return hashlib.sha256(secret.encode()).digest()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
