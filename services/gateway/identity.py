"""The gateway's own token, for what is asked before anybody is signed in."""

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

import structlog

from chassis import errors
from services.gateway import direct
from services.gateway.config import Settings

_FETCH_SECONDS = 5.0
_RENEW_BEFORE_SECONDS = 60.0

log = structlog.get_logger()


@dataclass(frozen=True)
class _Token:
    text: str
    renew_at: float


class Identity:
    """Asks the issuer for tokens and keeps each until a minute before it expires."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.issuer_url.rstrip("/") + "/oauth2/token"
        self._client_id = settings.client_id
        self._client_secret = settings.client_secret
        self._held: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def token(self, audience: str) -> str:
        """Return a token for `audience`; raises `Unavailable` while the issuer gives none."""
        with self._lock:
            held = self._held.get(audience)
            if held is None or held.renew_at <= time.monotonic():
                held = self._fetch(audience)
                self._held[audience] = held
            return held.text

    def forget(self, audience: str) -> None:
        """Drop the token for `audience`, because a peer refused it."""
        with self._lock:
            self._held.pop(audience, None)

    def _fetch(self, audience: str) -> _Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
            "audience": audience,
        }
        asked_at = time.monotonic()
        request = urllib.request.Request(  # noqa: S310 (the address is a setting)
            self._url, data=urllib.parse.urlencode(form).encode(), method="POST"
        )
        try:
            with direct.OPENER.open(request, timeout=_FETCH_SECONDS) as response:
                answer = json.load(response)
            text, lasts = str(answer["access_token"]), float(answer.get("expires_in", 300))
        except (OSError, ValueError, KeyError, TypeError) as error:
            status = error.code if isinstance(error, urllib.error.HTTPError) else None
            log.warning("token_not_fetched", audience=audience, status=status)
            raise errors.Unavailable(
                "PEER_UNAVAILABLE", "accounts does not answer", peer="accounts"
            ) from error
        return _Token(text, asked_at + max(lasts - _RENEW_BEFORE_SECONDS, lasts / 2))
