"""Verifies bearer tokens with the issuer's published keys, and remembers what it verified."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from chassis import errors
from chassis.context import Principal

ISSUER = "mekong"
# RFC 9864 names the curve; EdDSA is what older libraries write for the same signature.
ALGORITHMS = ["EdDSA", "Ed25519"]
jws.JWSRegistry.algorithms["EdDSA"].security_warning = None

_FETCH_SECONDS = 3.0
_DRIFT_SECONDS = 60.0
_REMEMBERED = 10_000

log = structlog.get_logger()


class Keys:
    """The issuer's current public keys by kid; refetched on an unknown kid, the last good kept."""

    def __init__(
        self,
        issuer_url: str,
        *,
        refetch_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = issuer_url.rstrip("/") + "/.well-known/jwks.json"
        self._refetch_seconds = refetch_seconds
        self._clock = clock
        self._held: dict[str, OKPKey] = {}
        self._fetched_at: float | None = None
        self._lock = asyncio.Lock()

    async def get(self, kid: str) -> OKPKey | None:
        """Return the key named `kid`, None when the issuer has none of that name.

        Raises `Unavailable` when no keys could be had yet.
        """
        if kid not in self._held:
            async with self._lock:
                if kid not in self._held and self._may_fetch():
                    await self._fetch()
        if not self._held:
            raise errors.Unavailable("KEYS_UNAVAILABLE", "the issuer's keys are not known yet")
        return self._held.get(kid)

    def _may_fetch(self) -> bool:
        since = self._fetched_at
        return since is None or self._clock() - since >= self._refetch_seconds

    async def _fetch(self) -> None:
        self._fetched_at = self._clock()
        try:
            timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self._url, allow_redirects=False) as response,
            ):
                response.raise_for_status()
                held = _keys(await response.json())
        except (aiohttp.ClientError, TimeoutError, ValueError, JoseError) as error:
            log.warning("keys_not_fetched", error=type(error).__name__)
            # Without any key every call is refused, so ask again sooner.
            if not self._held:
                self._fetched_at = self._clock() - self._refetch_seconds + 0.25
            return
        if held:
            self._held = held


class Verifier:
    """Turns a bearer token into the principal it names, for one audience."""

    def __init__(
        self, keys: Keys, audience: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._audience = audience
        self._clock = clock
        self._verified: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    async def principal(self, token: str) -> Principal:
        """Return who `token` names; raises `Unauthenticated` with a reason, or `Unavailable`."""
        known = self._verified.get(token)
        if known is not None and known[1] > self._clock():
            self._verified.move_to_end(token)
            return known[0]
        self._verified.pop(token, None)
        claims = await self._claims(token)
        self._check(claims)
        principal = _principal(claims)
        self._verified[token] = principal, float(claims["exp"])
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)
        return principal

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid")
            key = await self._keys.get(kid) if isinstance(kid, str) else None
            if key is None:
                raise errors.Unauthenticated("TOKEN_KEY_UNKNOWN", "the token's key is not known")
            return jwt.decode(token, key, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError) as error:
            # The library trips over some headers that no issuer writes ("crit": 5).
            raise errors.Unauthenticated("TOKEN_INVALID", "not a valid token") from error

    def _check(self, claims: Mapping[str, Any]) -> None:
        expires = claims.get("exp")
        if not isinstance(expires, int | float):
            raise errors.Unauthenticated("TOKEN_INVALID", "the token never expires")
        if expires <= self._clock():
            raise errors.Unauthenticated("TOKEN_EXPIRED", "the token has expired")
        begins = claims.get("nbf", 0)
        if not isinstance(begins, int | float) or begins > self._clock() + _DRIFT_SECONDS:
            raise errors.Unauthenticated("TOKEN_INVALID", "the token is not valid yet")
        audience = claims.get("aud")
        if self._audience not in ([audience] if isinstance(audience, str) else audience or []):
            raise errors.Unauthenticated("TOKEN_AUDIENCE", "the token is for another service")
        if claims.get("iss") != ISSUER:
            raise errors.Unauthenticated("TOKEN_ISSUER", "the token is from another issuer")


def _keys(document: Any) -> dict[str, OKPKey]:
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a key set")
    return {
        key["kid"]: OKPKey.import_key(key)
        for key in document["keys"]
        if isinstance(key, dict) and key.get("kty") == "OKP" and isinstance(key.get("kid"), str)
    }


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject, kind, actor = claims.get("sub"), claims.get("knd"), claims.get("act")
    if not isinstance(subject, str) or not subject or kind not in ("user", "service", "client"):
        raise errors.Unauthenticated("TOKEN_INVALID", "the token names nobody")
    rights = claims.get("rights") or {}
    return Principal(
        subject=subject,
        kind=kind,
        team_id=claims.get("team") or None,
        rights={
            str(resource): {str(action): str(level) for action, level in actions.items()}
            for resource, actions in rights.items()
            if isinstance(actions, dict)
        },
        actor=actor.get("sub") if isinstance(actor, dict) else None,
        hidden=frozenset(str(it) for it in claims.get("hidden") or ()),
    )
