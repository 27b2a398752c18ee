"""Verifying a token: the first time a process sees it, and again."""

import asyncio
import statistics
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import OKPKey

from bench import jobs
from bench.table import Figures
from chassis.rpc.keys import ISSUER, Keys, Verifier
from services.accounts.domain import rights

TOKENS, AGAIN = 2_000, 50
_AUDIENCE, _KID = "leads", "bench"


class _Known(Keys):
    """The issuer's key without the way to it, which a process goes once in a month."""

    def __init__(self, key: OKPKey) -> None:
        super().__init__("http://nowhere")
        self._held = {_KID: key}


def measure(_home: Path, figures: Figures) -> None:
    """Verify tokens of somebody who may do everything, one after the other; needs no house."""
    key = OKPKey.generate_key("Ed25519")
    public = OKPKey.import_key(key.as_dict(private=False))
    tokens = [_token(key, number) for number in range(TOKENS)]
    first, again = asyncio.run(_verified(Verifier(_Known(public), _AUDIENCE), tokens))
    label = "a token verified for the first time, median of"
    figures.add("token_first_us", f"{label} {TOKENS:,}", first, "µs", "≤ 200 µs")
    figures.add("token_cached_us", "… and when it is known", again, "µs", "≤ 10 µs")


async def _verified(verifier: Verifier, tokens: list[str]) -> tuple[float, float]:
    """Return the medians in µs of the first verification and of later ones."""
    first, again = [], []
    for token in tokens:
        began = time.perf_counter()
        who = await verifier.principal(token)
        first.append(time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(AGAIN):
            known = await verifier.principal(token)
        again.append((time.perf_counter() - began) / AGAIN)
        if known is not who:
            raise jobs.NotMeasured("a token was not remembered")
    return statistics.median(first) * 1e6, statistics.median(again) * 1e6


def _token(key: OKPKey, number: int) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": f"user {number}",
        "aud": [_AUDIENCE],
        "knd": "user",
        "rights": rights.expanded(rights.BUILTIN[rights.ADMIN]),
        "iat": now,
        "exp": now + 3600,
    }
    return jwt.encode({"alg": "EdDSA", "kid": _KID}, claims, key, algorithms=["EdDSA"])
