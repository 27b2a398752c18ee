"""Tokens of the service's own identity, for calls to its peers."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import aiohttp
import structlog

from chassis import context, errors
from chassis.config import ServiceSettings
from chassis.rpc.claims import packed

_FETCH_SECONDS = 5.0
_RENEW_BEFORE_SECONDS = 60.0
_REMEMBERED = 10_000

log = structlog.get_logger()


class _Key(NamedTuple):
    """What a token is for: `carried` are the rights and hidden fields of whom it acts for, as JSON.

    Who calls with a token of fewer rights than they have is acted for with no more than those.
    """

    audience: str
    on_behalf_of: str | None
    carried: str

    @classmethod
    def of(cls, audience: str, on_behalf_of: str | None) -> "_Key":
        caller = context.current().principal
        if on_behalf_of is None or caller is None or caller.subject != on_behalf_of:
            return cls(audience, on_behalf_of, "")
        said = {"rights": packed(caller.rights), "hidden": sorted(caller.hidden)}
        return cls(audience, on_behalf_of, json.dumps(said, sort_keys=True))


@dataclass(frozen=True)
class _Token:
    text: str
    renew_at: float


class Tokens(Protocol):
    """Where a client's tokens come from."""

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        """Return a token for `audience`."""

    def forget(self, audience: str, on_behalf_of: str | None = None) -> None:
        """Drop the token for `audience`, because a peer refused it."""


class TokenSource:
    """Asks the issuer for tokens and keeps each until a minute before it expires."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._url = settings.issuer_url.rstrip("/") + "/oauth2/token"
        self._client_id = settings.client_id
        self._client_secret = settings.client_secret
        self._held: dict[_Key, _Token] = {}
        self._locks: dict[_Key, asyncio.Lock] = {}

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        """Return a token for `audience`, with the rights of user `on_behalf_of` if given.

        Of a user whose call is in progress it has no more than the token of that call.
        Raises `Unavailable` when the issuer is away or refuses this service,
        `PermissionDenied` when it refuses the user.
        """
        key = _Key.of(audience, on_behalf_of)
        held = self._held.get(key)
        if held is not None and held.renew_at > time.monotonic():
            return held.text
        async with self._locks.setdefault(key, asyncio.Lock()):
            held = self._held.get(key)
            if held is None or held.renew_at <= time.monotonic():
                held = await self._fetch(key)
                self._remember(key, held)
        return held.text

    def forget(self, audience: str, on_behalf_of: str | None = None) -> None:
        """Drop the token for `audience`, because a peer refused it."""
        self._held.pop(_Key.of(audience, on_behalf_of), None)

    def _remember(self, key: _Key, token: _Token) -> None:
        now = time.monotonic()
        if len(self._held) >= _REMEMBERED:
            self._held = {k: held for k, held in self._held.items() if held.renew_at > now}
            self._locks = {k: lock for k, lock in self._locks.items() if lock.locked()}
        self._held[key] = token

    async def _fetch(self, key: _Key) -> _Token:
        audience, on_behalf_of, carried = key
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
            "audience": audience,
        }
        if on_behalf_of is not None:
            form["on_behalf_of"] = on_behalf_of
        if carried:
            form["carried"] = carried
        asked_at = time.monotonic()
        try:
            timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, data=form, allow_redirects=False) as response,
            ):
                if on_behalf_of is not None and response.status in (400, 403):
                    raise errors.PermissionDenied(
                        "ON_BEHALF_OF_REFUSED", "nothing may be done on behalf of this user"
                    )
                if response.status == 401:
                    log.error("identity_refused", audience=audience)
                response.raise_for_status()
                answer = await response.json()
                text, lasts = str(answer["access_token"]), float(answer.get("expires_in", 300))
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
            log.warning("token_not_fetched", audience=audience, error=type(error).__name__)
            raise errors.Unavailable("TOKEN_UNAVAILABLE", "the issuer of tokens is away") from error
        # A token shorter than the margin is still used for half of its life.
        return _Token(text, asked_at + max(lasts - _RENEW_BEFORE_SECONDS, lasts / 2))
