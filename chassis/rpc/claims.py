"""What a signed token says, and whether it may be believed; fetches nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, OKPKey
from joserfc.util import urlsafe_b64decode

from chassis import errors

ISSUER = "mekong"
Key = ECKey | OKPKey
# RFC 9864 names the curve; EdDSA is what older libraries write for the same signature.
ALGORITHMS = ["ES256", "EdDSA", "Ed25519"]
jws.JWSRegistry.algorithms["EdDSA"].security_warning = None

_REGISTRY = jws.JWSRegistry(algorithms=ALGORITHMS)
_TYPES: dict[str, type[Key]] = {"EC": ECKey, "OKP": OKPKey}
_DRIFT_SECONDS = 60.0
# What the library raises; it trips over some headers that no issuer writes ("crit": 5).
_UNREADABLE = (JoseError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class Signed:
    """A token taken apart, of which nothing is believed; `kid` names the key it says it is by."""

    kid: str | None
    algorithm: JWSAlgModel
    input: bytes
    """What is signed: header and payload as they came."""
    payload: bytes
    signature: bytes


def keys(document: Any) -> dict[str, Key]:
    """Return the keys of a published key set by kid; raises `ValueError` or `JoseError`."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a key set")
    return {
        key["kid"]: _TYPES[key["kty"]].import_key(key)
        for key in document["keys"]
        if isinstance(key, dict) and key.get("kty") in _TYPES and isinstance(key.get("kid"), str)
    }


def parse(token: str) -> Signed:
    """Take a token apart, once for all that is asked of it; raises `Unauthenticated` for none."""
    try:
        raw = token.encode()
        _REGISTRY.validate_compact_value_size(raw)
        start, _, signature = raw.rpartition(b".")
        head, _, payload = start.partition(b".")
        kid, algorithm = _head(head)
        return Signed(
            kid, algorithm, start, urlsafe_b64decode(payload), urlsafe_b64decode(signature)
        )
    except _UNREADABLE as error:
        raise _invalid() from error


def read(signed: Signed, key: Key) -> Mapping[str, Any]:
    """Return the claims of a token that `key` signed; raises `Unauthenticated`."""
    try:
        signed.algorithm.check_key(key)
        valid = signed.algorithm.verify(signed.input, signed.signature, key)
        said = json.loads(signed.payload) if valid else None
    except _UNREADABLE as error:
        raise _invalid() from error
    if not isinstance(said, dict):
        raise _invalid()
    return said


@lru_cache(maxsize=256)
def _head(segment: bytes) -> tuple[str | None, JWSAlgModel]:
    """Return the kid and the algorithm of a header; all tokens of a key have the same one.

    Raises what `_UNREADABLE` names, which is not remembered.
    """
    _REGISTRY.validate_header_size(segment)
    said = json.loads(urlsafe_b64decode(segment))
    if not isinstance(said, dict) or "crit" in said or "b64" in said:
        raise ValueError("a header that no issuer writes")
    _REGISTRY.check_header(said)
    return said.get("kid"), _REGISTRY.get_alg(said["alg"])


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


def packed(rights: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return rights as a token carries them: resources of equal rights are named together.

    A token is sent with every call, and its length is half of what reading it takes.
    """
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for resource, may in rights.items():
        alike.setdefault(tuple(may.items()), []).append(resource)
    return {" ".join(resources): dict(may) for may, resources in alike.items()}


def unpacked(said: object) -> Mapping[str, Mapping[str, str]]:
    """Return the rights of a token by resource; what levels mean is asked when they are used.

    Raises `Unauthenticated` for what is no mapping of mappings; None stands for no rights.
    """
    if said is None:
        return {}
    if not isinstance(said, dict) or not all(isinstance(it, dict) for it in said.values()):
        raise errors.Unauthenticated("TOKEN_INVALID", "the token's rights cannot be read")
    return {resource: may for named, may in said.items() for resource in named.split()}


def _invalid() -> errors.Unauthenticated:
    return errors.Unauthenticated("TOKEN_INVALID", "not a valid token")
