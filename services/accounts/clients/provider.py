"""An OpenID provider over HTTP: bounded in time and size, following no redirects."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import aiohttp
import structlog
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import SecretStr

from chassis import errors
from services.accounts.domain import oidc
from services.accounts.domain.oidc import Check, Metadata, Rules, Untrusted

_SECONDS = 3.0
_MOST_BYTES = 256 * 1024
_FRESH_SECONDS = 3600.0
_ASK_AGAIN_SECONDS = 5.0
_AFTER_FAILURE_SECONDS = 1.0
_AT_ONCE = 20

_AWAY = (aiohttp.ClientError, TimeoutError, ValueError)

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Tokens(NamedTuple):
    """What a code is good for; `access` may be empty."""

    id: str
    access: str


class _Remembered(Generic[T]):
    """What a provider said last; asked for by one at a time, and not at once after a failure."""

    def __init__(self, step: str, clock: Callable[[], float]) -> None:
        self._step = step
        self._clock = clock
        self._lock = asyncio.Lock()
        self._held: tuple[T, float] | None = None
        self._failed_at: float | None = None

    async def get(
        self, fetch: Callable[[], Awaitable[T]], is_good: Callable[[T, float], bool]
    ) -> T:
        """Returns what is held if it is good at its age in seconds, else what `fetch` returns.

        While `fetch` fails it is what is held, good or not; `Unavailable` is raised for nothing.
        """
        async with self._lock:
            held = self._held
            if held is not None and is_good(held[0], self._clock() - held[1]):
                return held[0]
            failed = self._failed_at
            if failed is None or self._clock() - failed >= _AFTER_FAILURE_SECONDS:
                try:
                    held = self._held = await fetch(), self._clock()
                    self._failed_at = None
                except (*_AWAY, KeyError, TypeError, AttributeError, JoseError) as away:
                    self._failed_at = self._clock()
                    log.warning("oidc_provider_away", step=self._step, error=type(away).__name__)
            if held is None:
                raise _unavailable()
            return held[0]


class Provider:
    """One provider, its metadata and keys remembered for an hour.

    Each call raises `Unavailable` for a provider that does not answer, or not as the standards say.
    """

    def __init__(
        self, rules: Rules, secret: SecretStr, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`secret` proves to the provider who we are."""
        self._rules = rules
        self._secret = secret.get_secret_value()
        self._metadata = _Remembered[Metadata]("discovery", clock)
        self._keys = _Remembered[KeySet]("keys", clock)
        self._http: aiohttp.ClientSession | None = None

    async def metadata(self) -> Metadata:
        """Returns what the provider says of itself, the last it said while it is away."""
        url = self._rules.issuer.rstrip("/") + "/.well-known/openid-configuration"

        async def fetch() -> Metadata:
            return oidc.metadata(self._rules.issuer, await self._get(url))

        return await self._metadata.get(fetch, lambda _, age: age < _FRESH_SECONDS)

    async def redeem(self, known: Metadata, code: str, verifier: str) -> Tokens:
        """Returns the tokens of a code; raises `Untrusted` when the provider refuses the code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._rules.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if known.posts_secret:
            form |= {"client_id": self._rules.client_id, "client_secret": self._secret}
        else:
            # RFC 6749, section 2.3.1: each is encoded as in a form before they are joined.
            pair = (quote(self._rules.client_id, safe=""), quote(self._secret, safe=""))
            headers["Authorization"] = aiohttp.encode_basic_auth(*pair)
        try:
            async with self._session().post(
                known.token_endpoint, data=form, headers=headers, allow_redirects=False
            ) as response:
                answer = await _json(response)
            if response.status != 200:
                raise self._refusal(response.status, answer)
            id_token, access = answer["id_token"], answer.get("access_token", "")
            if not isinstance(id_token, str) or not isinstance(access, str):
                raise Untrusted(Check.FORM)
        except (KeyError, TypeError, AttributeError) as odd:
            raise Untrusted(Check.FORM) from odd
        except _AWAY as away:
            log.warning("oidc_provider_away", step="token", error=type(away).__name__)
            raise _unavailable() from away
        return Tokens(id_token, access)

    async def keys(self, known: Metadata, id_token: str) -> KeySet:
        """Returns the provider's keys, asked for anew when none is named as in the token."""
        kid = _kid(id_token)

        async def fetch() -> KeySet:
            return KeySet.import_key_set(await self._get(known.jwks_uri))

        def good(held: KeySet, age: float) -> bool:
            named = kid is None or any(key.kid == kid for key in held)
            return age < (_FRESH_SECONDS if named else _ASK_AGAIN_SECONDS)

        return await self._keys.get(fetch, good)

    async def more(self, known: Metadata, access_token: str) -> Mapping[str, Any]:
        """Returns what the provider tells of somebody besides the ID token."""
        if not known.userinfo_endpoint or not access_token:
            return {}
        headers = {"Authorization": f"Bearer {access_token}"}
        try:
            told = await self._get(known.userinfo_endpoint, headers)
        except _AWAY as away:
            log.warning("oidc_provider_away", step="userinfo", error=type(away).__name__)
            raise _unavailable() from away
        if not isinstance(told, dict):
            raise Untrusted(Check.FORM)
        return told

    async def close(self) -> None:
        """Closes the connections."""
        if self._http is not None:
            await self._http.close()

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                connector=aiohttp.TCPConnector(limit=_AT_ONCE),
                # Nothing is unpacked, so that a small answer stays small.
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        async with self._session().get(url, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            return await _json(response)

    def _refusal(self, status: int, answer: Any) -> Exception:
        error = answer.get("error") if isinstance(answer, dict) else None
        if error == "invalid_grant":
            return Untrusted(Check.CODE)
        if status == 401 or error in ("invalid_client", "unauthorized_client"):
            log.error("oidc_client_refused", status=status)
            return errors.Unavailable(
                "PEER_REFUSED_IDENTITY", "the provider refuses this house's secret", peer="oidc"
            )
        return ValueError(f"status {status}")


def _unavailable() -> errors.Unavailable:
    return errors.Unavailable("PEER_UNAVAILABLE", "the provider does not answer", peer="oidc")


async def _json(response: aiohttp.ClientResponse) -> Any:
    body = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise ValueError("too large")
    return json.loads(body)


def _kid(token: str) -> str | None:
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError):
        return None
    return kid if isinstance(kid, str) else None
