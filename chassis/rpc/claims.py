"""What a signed token says, and whether it may be believed; fetches nothing."""

from collections.abc import Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from chassis import errors

ISSUER = "mekong"
# RFC 9864 names the curve; EdDSA is what older libraries write for the same signature.
ALGORITHMS = ["EdDSA", "Ed25519"]
jws.JWSRegistry.algorithms["EdDSA"].security_warning = None


def keys(document: Any) -> dict[str, OKPKey]:
    """Return the keys of a published key set by kid; raises `ValueError` or `JoseError`."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a key set")
    return {
        key["kid"]: OKPKey.import_key(key)
        for key in document["keys"]
        if isinstance(key, dict) and key.get("kty") == "OKP" and isinstance(key.get("kid"), str)
    }


def kid(token: str) -> str | None:
    """Return the name of the key that `token` says it is signed with.

    Raises `Unauthenticated` for what is no token.
    """
    try:
        named = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError) as error:
        raise _invalid() from error
    return named if isinstance(named, str) else None


def read(token: str, key: OKPKey) -> Mapping[str, Any]:
    """Return the claims of a token that `key` signed; raises `Unauthenticated`."""
    try:
        return jwt.decode(token, key, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError) as error:
        raise _invalid() from error


def check(claims: Mapping[str, Any], now: float, audience: str | None) -> None:
    """Raise `Unauthenticated` with a reason unless the claims hold for `audience` at `now`.

    None asks of no audience, for who only passes a token on.
    """
    expires = claims.get("exp")
    if not isinstance(expires, int | float):
        raise errors.Unauthenticated("TOKEN_INVALID", "the token never expires")
    if expires <= now:
        raise errors.Unauthenticated("TOKEN_EXPIRED", "the token has expired")
    named = claims.get("aud")
    if audience and audience not in ([named] if isinstance(named, str) else named or []):
        raise errors.Unauthenticated("TOKEN_AUDIENCE", "the token is for another service")
    if claims.get("iss") != ISSUER:
        raise errors.Unauthenticated("TOKEN_ISSUER", "the token is from another issuer")


def _invalid() -> errors.Unauthenticated:
    return errors.Unauthenticated("TOKEN_INVALID", "not a valid token")
