"""What a signed token says, and whether it may be believed; fetches nothing."""

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import CompactSignature

from chassis import errors

ISSUER = "mekong"
# RFC 9864 names the curve; EdDSA is what older libraries write for the same signature.
ALGORITHMS = ["EdDSA", "Ed25519"]
jws.JWSRegistry.algorithms["EdDSA"].security_warning = None

_DRIFT_SECONDS = 60.0
# What the library raises; it trips over some headers that no issuer writes ("crit": 5).
_UNREADABLE = (JoseError, ValueError, TypeError)


def keys(document: Any) -> dict[str, OKPKey]:
    """Return the keys of a published key set by kid; raises `ValueError` or `JoseError`."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a key set")
    return {
        key["kid"]: OKPKey.import_key(key)
        for key in document["keys"]
        if isinstance(key, dict) and key.get("kty") == "OKP" and isinstance(key.get("kid"), str)
    }


def parse(token: str) -> CompactSignature:
    """Take a token apart, once for all that is asked of it; raises `Unauthenticated` for none."""
    try:
        return jws.extract_compact(token.encode())
    except _UNREADABLE as error:
        raise _invalid() from error


def kid(signed: CompactSignature) -> str | None:
    """Return the name of the key that a token says it is signed with; raises `Unauthenticated`."""
    try:
        named = signed.headers().get("kid")
    except _UNREADABLE as error:
        raise _invalid() from error
    return named if isinstance(named, str) else None


def read(signed: CompactSignature, key: OKPKey) -> Mapping[str, Any]:
    """Return the claims of a token that `key` signed; raises `Unauthenticated`."""
    try:
        valid = jws.validate_compact(signed, key, ALGORITHMS)
        said = json.loads(signed.payload or b"") if valid else None
    except _UNREADABLE as error:
        raise _invalid() from error
    if not isinstance(said, dict):
        raise _invalid()
    return said


def check(claims: Mapping[str, Any], now: float, audience: str | None) -> None:
    """Raise `Unauthenticated` with a reason unless the claims hold for `audience` at `now`.

    None asks of no audience, for who only passes a token on.
    """
    expires = claims.get("exp")
    if not isinstance(expires, int | float):
        raise errors.Unauthenticated("TOKEN_INVALID", "the token never expires")
    if expires <= now:
        raise errors.Unauthenticated("TOKEN_EXPIRED", "the token has expired")
    begins = claims.get("nbf", 0)
    if not isinstance(begins, int | float) or begins > now + _DRIFT_SECONDS:
        raise errors.Unauthenticated("TOKEN_INVALID", "the token is not valid yet")
    named = claims.get("aud")
    if audience and audience not in ([named] if isinstance(named, str) else named or []):
        raise errors.Unauthenticated("TOKEN_AUDIENCE", "the token is for another service")
    if claims.get("iss") != ISSUER:
        raise errors.Unauthenticated("TOKEN_ISSUER", "the token is from another issuer")


def _invalid() -> errors.Unauthenticated:
    return errors.Unauthenticated("TOKEN_INVALID", "not a valid token")
