"""Verifies bearer tokens with the issuer's published keys, and remembers what it verified."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, get_args
from uuid import UUID

import aiohttp
import structlog
from joserfc.errors import JoseError

from chassis import errors
from chassis.context import Kind, Principal
from chassis.rpc import claims
from chassis.rpc.claims import ISSUER, Key

__all__ = ["ISSUER", "Keys", "Verifier"]

_FETCH_SECONDS = 3.0
_REMEMBERED = 10_000
_KINDS: tuple[Kind, ...] = get_args(Kind)

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
        self._held: dict[str, Key] = {}
        self._fetched_at: float | None = None
        self._lock = asyncio.Lock()

    async def get(self, kid: str) -> Key | None:
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
                held = claims.keys(await response.json())
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
        said = await self._claims(token)
        claims.check(said, self._clock(), self._audience)
        principal = _principal(said)
        self._verified[token] = principal, float(said["exp"])
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)
        return principal

    async def _claims(self, token: str) -> Mapping[str, Any]:
        signed = claims.parse(token)
        key = await self._keys.get(signed.kid) if signed.kid is not None else None
        if key is None:
            raise errors.Unauthenticated("TOKEN_KEY_UNKNOWN", "the token's key is not known")
        return claims.read(signed, key)


def _principal(said: Mapping[str, Any]) -> Principal:
    subject, kind, actor = said.get("sub"), said.get("knd"), said.get("act")
    if not isinstance(subject, str) or not subject or kind not in _KINDS:
        raise errors.Unauthenticated("TOKEN_INVALID", "the token names nobody")
    if (kind == "contact") is not _is_id(said.get("contact")):
        raise errors.Unauthenticated("TOKEN_INVALID", "the token names no contact")
    return Principal(
        subject=subject,
        kind=kind,
        team_id=said.get("team") or None,
        rights=claims.unpacked(said.get("rights")),
        actor=actor.get("sub") if isinstance(actor, dict) else None,
        hidden=frozenset(str(it) for it in said.get("hidden") or ()),
        contact_id=said.get("contact"),
    )


def _is_id(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False
