"""Verifying a token: the first time a process sees it, and again."""

import asyncio
import statistics
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from bench import jobs
from bench.table import Figures
from chassis.rpc.claims import packed
from chassis.rpc.keys import ISSUER, Keys, Verifier
from services.accounts.domain import rights

TOKENS, AGAIN = 2_000, 50
ROLES = "sales", "manager", rights.ADMIN
_AUDIENCE, _KID = "leads", "bench"


class _Known(Keys):
    """The issuer's key without the way to it, which a process goes once in a month."""

    def __init__(self, key: ECKey) -> None:
        super().__init__("http://nowhere")
        self._held = {_KID: key}


def measure(_home: Path, figures: Figures) -> None:
    """Verify tokens of who may do little and everything, one after the other; needs no house."""
    key = ECKey.generate_key("P-256")
    public = ECKey.import_key(key.as_dict(private=False))
    for role in ROLES:
        tokens = [_token(key, role, number) for number in range(TOKENS)]
        first, again = asyncio.run(_verified(Verifier(_Known(public), _AUDIENCE), tokens))
        label = f"a token of the role {role} ({len(tokens[0]):,} characters) verified for the first"
        what = f"{label} time, median of {TOKENS:,}"
        figures.add(f"token_{role}_first_us", what, first, "µs", "≤ 200 µs")
        figures.add(f"token_{role}_cached_us", "… and when it is known", again, "µs", "≤ 10 µs")
    figures.add("signature_us", "… of which the signature", _signature(), "µs")


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


def _signature() -> float:
    """Return the median in µs of verifying ES256 alone, which no token can be below."""
    key, message, took = ec.generate_private_key(ec.SECP256R1()), b"x" * 1_000, []
    how = ec.ECDSA(hashes.SHA256())
    public, signature = key.public_key(), key.sign(message, how)
    for _ in range(TOKENS):
        began = time.perf_counter()
        public.verify(signature, message, how)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6


def _token(key: ECKey, role: str, number: int) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": f"user {number}",
        "aud": [_AUDIENCE],
        "knd": "user",
        "rights": packed(rights.expanded(rights.BUILTIN[role])),
        "iat": now,
        "exp": now + 3600,
    }
    return jwt.encode({"alg": "ES256", "kid": _KID}, claims, key)
