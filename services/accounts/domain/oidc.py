"""OpenID Connect: what is asked of a provider, and what is believed of what it answers.

OpenID Connect Core 1.0 with the authorization code flow, PKCE (RFC 7636) and RFC 9207.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from services.accounts.config import is_private

ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
]
"""Signatures by a key that the provider publishes: never "none", never a shared secret."""

_LEEWAY_SECONDS = 60
_LONGEST_SUBJECT = 255


class Check(StrEnum):
    """What of an answer is looked at."""

    CODE = "code"
    FORM = "form"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    NONCE = "nonce"
    EXPIRED = "expired"
    SUBJECT = "subject"


class Untrusted(Exception):
    """The provider's answer failed a check."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.value)
        self.check = check


class Why(StrEnum):
    """Why somebody whom the provider knows is not let in."""

    UNKNOWN = "unknown"
    UNVERIFIED = "unverified"
    DOMAIN = "domain"
    INACTIVE = "inactive"
    OTHER = "other"


@dataclass(frozen=True)
class Rules:
    """What this house is at its provider, and whom it lets in from there."""

    issuer: str
    client_id: str
    redirect_uri: str
    label: str
    domains: frozenset[str]
    links_by_email: bool
    second_factor: bool


@dataclass(frozen=True)
class Metadata:
    """What a provider says of itself.

    `posts_secret` is how the client's secret travels: in the form, or as Basic. `names_issuer` is
    whether answers by the browser have to say who gives them.
    """

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    posts_secret: bool
    names_issuer: bool


@dataclass(frozen=True)
class Person:
    """Who somebody is at the provider; `email` only if the provider has verified it."""

    issuer: str
    subject: str
    email: str = ""


def metadata(issuer: str, document: Any) -> Metadata:
    """Returns what the discovery document of `issuer` says; raises `ValueError` for another's."""
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise ValueError("issuer")
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Metadata(
        authorization_endpoint=_endpoint(issuer, document, "authorization_endpoint"),
        token_endpoint=_endpoint(issuer, document, "token_endpoint"),
        jwks_uri=_endpoint(issuer, document, "jwks_uri"),
        userinfo_endpoint=(
            _endpoint(issuer, document, "userinfo_endpoint")
            if "userinfo_endpoint" in document
            else ""
        ),
        posts_secret="client_secret_basic" not in methods,
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def authorization_url(known: Metadata, rules: Rules, state: str, nonce: str, verifier: str) -> str:
    """Returns where the browser goes to have somebody signed in."""
    asked = {
        "response_type": "code",
        "client_id": rules.client_id,
        "redirect_uri": rules.redirect_uri,
        "scope": "openid email",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(known.authorization_endpoint).query else "?"
    return f"{known.authorization_endpoint}{joint}{urlencode(asked)}"


def challenge(verifier: str) -> str:
    """Returns the S256 challenge of a PKCE verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def check_issuer(known: Metadata, rules: Rules, named: str) -> None:
    """Raises `Untrusted` when another issuer answered, or one that should say who it is did not."""
    if named != rules.issuer and (named or known.names_issuer):
        raise Untrusted(Check.ISSUER)


def claims(id_token: str, keys: KeySet, rules: Rules, nonce: str, now: float) -> Mapping[str, Any]:
    """Returns what an ID token says; raises `Untrusted` unless it is the provider's, for us, now.

    `now` is Unix time in seconds.
    """
    try:
        said = jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError) as wrong:
        raise Untrusted(Check.SIGNATURE) from wrong
    expected = jwt.JWTClaimsRegistry(
        int(now),
        _LEEWAY_SECONDS,
        iss={"essential": True, "value": rules.issuer},
        aud={"essential": True, "value": rules.client_id},
        nonce={"essential": True, "value": nonce},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    try:
        expected.validate(said)
    except ExpiredTokenError as late:
        raise Untrusted(Check.EXPIRED) from late
    except ClaimError as wrong:
        raise Untrusted(_BY_CLAIM.get(wrong.claim.partition(",")[0], Check.FORM)) from wrong
    several = isinstance(said["aud"], list) and len(said["aud"]) > 1
    if said.get("azp", None if several else rules.client_id) != rules.client_id:
        raise Untrusted(Check.AUDIENCE)
    if len(said["sub"]) > _LONGEST_SUBJECT:
        raise Untrusted(Check.SUBJECT)
    return said


def person(said: Mapping[str, Any], more: Mapping[str, Any]) -> Person:
    """Returns who an ID token names; `more` is what the provider tells besides, if it was asked.

    Raises `Untrusted` when the two are of different people.
    """
    if more and more.get("sub") != said["sub"]:
        raise Untrusted(Check.SUBJECT)
    told = said if "email" in said else more
    email, verified = told.get("email"), told.get("email_verified") is True
    return Person(said["iss"], said["sub"], email if verified and isinstance(email, str) else "")


def why_not(rules: Rules, who: Person) -> Why | None:
    """Returns why an address does not say which user somebody is, None if it does."""
    if not rules.links_by_email:
        return Why.UNKNOWN
    if not who.email:
        return Why.UNVERIFIED
    domain = who.email.rpartition("@")[2].lower()
    return None if not rules.domains or domain in rules.domains else Why.DOMAIN


def same_address(ours: str, theirs: str) -> bool:
    """Whether two addresses are one, the case of ASCII letters apart.

    Narrower than the key addresses are found by: letters that only look like ours are not ours.
    """
    folded = ours.isascii() and theirs.isascii() and ours.lower() == theirs.lower()
    return folded or ours == theirs


_BY_CLAIM: Mapping[str, Check] = {
    "iss": Check.ISSUER,
    "aud": Check.AUDIENCE,
    "nonce": Check.NONCE,
    "sub": Check.SUBJECT,
    "exp": Check.EXPIRED,
    "iat": Check.EXPIRED,
    "nbf": Check.EXPIRED,
}


def _endpoint(issuer: str, document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    # A provider that is reached by HTTPS sends nobody, nor any secret, to a place that is not.
    if not isinstance(url, str) or not is_private(url):
        raise ValueError(name)
    if urlsplit(issuer).scheme == "https" and urlsplit(url).scheme != "https":
        raise ValueError(name)
    return url
