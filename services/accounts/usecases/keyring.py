"""The signing keys as this process holds them, and the tokens signed with them."""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors, sealing
from chassis.rpc.claims import Key
from services.accounts.domain import signing
from services.accounts.domain.signing import COORDINATE_BYTES, SigningKey
from services.accounts.storage import keys as kept_keys

# RFC 7518 and 8037: how the public part of each kind of key is written.
_KINDS: Mapping[str, tuple[type[Key], dict[str, str], tuple[str, ...]]] = {
    "ES256": (ECKey, {"kty": "EC", "crv": "P-256"}, ("x", "y")),
    "EdDSA": (OKPKey, {"kty": "OKP", "crv": "Ed25519"}, ("x",)),
}


class Keyring:
    """Holds the keys in memory, so that a token is signed without asking the database."""

    def __init__(
        self, encryption_key: bytes, period: timedelta, clock: Callable[[], datetime]
    ) -> None:
        self._encryption_key = encryption_key
        self._period = period
        self._clock = clock
        self._keys: Sequence[SigningKey] = ()
        self._private: dict[str, Key] = {}

    async def check(self) -> None:
        """Readiness: raises `Unavailable` until the keys were read."""
        if not self._keys:
            raise errors.Unavailable("KEYS_UNAVAILABLE", "the signing keys are not read yet")

    async def refresh(self, session: AsyncSession) -> None:
        """Reads the keys, and makes those that are due; one replica at a time does that."""
        now = await kept_keys.database_time(session)
        held = await self._read(session, now)
        if signing.missing(held, now, self._period):
            await kept_keys.lock(session)
            held = await self._read(session, now)
            for key in signing.missing(held, now, self._period):
                await kept_keys.add(session, self._sealed(key))
            await kept_keys.drop_retired(session, now)
            held = await self._read(session, now)
        self._private = {key.kid: self._private.get(key.kid) or _private(key) for key in held}
        self._keys = held

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Returns a JWT of `claims`; raises `Unavailable` while no key was read."""
        key = signing.signing(self._keys, self._clock())
        if key is None:
            raise errors.Unavailable("KEYS_UNAVAILABLE", "the signing keys are not read yet")
        header = {"alg": key.algorithm, "typ": "JWT", "kid": key.kid}
        private = self._private[key.kid]
        return jwt.encode(header, dict(claims), private, algorithms=[key.algorithm])

    def published(self) -> dict[str, list[dict[str, str]]]:
        """Returns the JSON Web Key Set of the public parts."""
        return {"keys": [_public(key) for key in self._keys]}

    async def _read(self, session: AsyncSession, now: datetime) -> list[SigningKey]:
        return [self._opened(key) for key in await kept_keys.published(session, now)]

    def _sealed(self, key: SigningKey) -> kept_keys.KeptKey:
        return kept_keys.KeptKey(
            kid=key.kid,
            algorithm=key.algorithm,
            public=key.public,
            sealed_private=sealing.seal(self._encryption_key, key.private, _place(key.kid)),
            sign_from=key.sign_from,
            sign_until=key.sign_until,
            publish_until=key.publish_until,
        )

    def _opened(self, kept: kept_keys.KeptKey) -> SigningKey:
        return SigningKey(
            kid=kept.kid,
            algorithm=kept.algorithm,
            public=bytes(kept.public),
            private=sealing.unseal(
                self._encryption_key, bytes(kept.sealed_private), _place(kept.kid)
            ),
            sign_from=kept.sign_from,
            sign_until=kept.sign_until,
        )


def _place(kid: str) -> str:
    return f"signing key/{kid}"


def _public(key: SigningKey) -> dict[str, str]:
    _, kind, names = _KINDS[key.algorithm]
    places = range(0, len(key.public), COORDINATE_BYTES)
    parts = (key.public[at : at + COORDINATE_BYTES] for at in places)
    return {
        **kind,
        **dict(zip(names, map(_text, parts), strict=True)),
        "kid": key.kid,
        "use": "sig",
        "alg": key.algorithm,
    }


def _private(key: SigningKey) -> Key:
    return _KINDS[key.algorithm][0].import_key({**_public(key), "d": _text(key.private)})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
