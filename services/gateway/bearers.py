"""Whose a bearer token is, so far as the gateway must know; what it may do the peers decide."""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from joserfc.errors import JoseError

from chassis import errors
from chassis.rpc import claims
from chassis.rpc.claims import Key
from services.gateway import direct

_FETCH_SECONDS = 3.0
_REFETCH_SECONDS = 5.0
_REMEMBERED = 10_000

log = structlog.get_logger()


@dataclass(frozen=True)
class Bearer:
    """Who a token was issued to; `per_minute` is the limit of its own that it carries."""

    subject: str
    kind: str
    per_minute: int | None


class Bearers:
    """Verifies tokens with the keys that accounts publishes, and remembers what it verified."""

    def __init__(self, issuer_url: str, *, clock: Callable[[], float] = time.time) -> None:
        self._url = issuer_url.rstrip("/") + "/.well-known/jwks.json"
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._asked_at = float("-inf")
        self._fetching = threading.Lock()
        self._known: OrderedDict[bytes, tuple[Bearer, float]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, token: str) -> Bearer | None:
        """Return whose `token` is; None for one that is not good, or cannot be verified now."""
        digest, now = hashlib.sha256(token.encode()).digest(), self._clock()
        with self._lock:
            held = self._known.get(digest)
            if held is not None:
                self._known.move_to_end(digest)
        if held is not None:
            return held[0] if held[1] > now else None
        try:
            found, expires = self._verified(token, now)
        except errors.Unauthenticated:
            return None
        with self._lock:
            self._known[digest] = found, expires
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _verified(self, token: str, now: float) -> tuple[Bearer, float]:
        signed = claims.parse(token)
        key = self._key(signed.kid) if signed.kid else None
        if key is None:
            raise errors.Unauthenticated("TOKEN_KEY_UNKNOWN", "the token's key is not known")
        said = claims.read(signed, key)
        claims.check(said, now, None)
        limit = said.get("rpm")
        own = limit if isinstance(limit, int) and limit > 0 else None
        return Bearer(str(said.get("sub")), str(said.get("knd")), own), float(said["exp"])

    def _key(self, kid: str) -> Key | None:
        """Return a key; one that is not known is asked for by one request, the others go on."""
        if kid not in self._keys and self._fetching.acquire(blocking=False):
            try:
                if self._clock() - self._asked_at >= _REFETCH_SECONDS:
                    self._asked_at = self._clock()
                    self._keys = self._fetch() or self._keys
            finally:
                self._fetching.release()
        return self._keys.get(kid)

    def _fetch(self) -> Mapping[str, Key]:
        try:
            with direct.OPENER.open(self._url, timeout=_FETCH_SECONDS) as answer:
                return claims.keys(json.load(answer))
        except (OSError, ValueError, JoseError) as error:
            log.warning("keys_not_fetched", error=type(error).__name__)
            return {}
