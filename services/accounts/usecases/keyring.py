"""The signing keys as this process holds them, and the tokens signed with them."""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from joserfc import jws, jwt
from joserfc.jwk import OKPKey
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors, sealing
from services.accounts.domain import signing
from services.accounts.domain.signing import SigningKey
from services.accounts.storage import keys as kept_keys

ALGORITHM = "EdDSA"
# RFC 9864 names the curve in a newer identifier; both stand for the same signature.
jws.JWSRegistry.algorithms[ALGORITHM].security_warning = None


class Keyring:
    """Holds the keys in memory, so that a token is signed without asking the database."""

    def __init__(
        self, encryption_key: bytes, period: timedelta, clock: Callable[[], datetime]
    ) -> None:
        self._encryption_key = encryption_key
        self._period = period
        self._clock = clock
        self._keys: Sequence[SigningKey] = ()

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
        self._keys = held

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Returns a JWT of `claims`; raises `Unavailable` while no key was read."""
        key = signing.signing(self._keys, self._clock())
        if key is None:
            raise errors.Unavailable("KEYS_UNAVAILABLE", "the signing keys are not read yet")
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}
        private = OKPKey.import_key({**_public(key), "d": _text(key.private)})
        return jwt.encode(header, dict(claims), private, algorithms=[ALGORITHM])

    def published(self) -> dict[str, list[dict[str, str]]]:
        """Returns the JSON Web Key Set of the public parts."""
        return {"keys": [_public(key) for key in self._keys]}

    async def _read(self, session: AsyncSession, now: datetime) -> list[SigningKey]:
        return [self._opened(key) for key in await kept_keys.published(session, now)]

    def _sealed(self, key: SigningKey) -> kept_keys.KeptKey:
        return kept_keys.KeptKey(
            kid=key.kid,
            public=key.public,
            sealed_private=sealing.seal(self._encryption_key, key.private, _place(key.kid)),
            sign_from=key.sign_from,
            sign_until=key.sign_until,
            publish_until=key.publish_until,
        )

    def _opened(self, kept: kept_keys.KeptKey) -> SigningKey:
        return SigningKey(
            kid=kept.kid,
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
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _text(key.public),
        "kid": key.kid,
        "use": "sig",
        "alg": ALGORITHM,
    }


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
