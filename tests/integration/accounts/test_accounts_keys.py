"""Signing keys over a change of algorithm: those of earlier releases sign until their time ends."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from chassis import db, sealing
from chassis.rpc import claims
from services.accounts.config import Settings
from services.accounts.usecases.keyring import Keyring

PERIOD = timedelta(days=30)
CLAIMS = {"sub": "x", "aud": ["leads"]}


async def add_as_before(sessions: db.Sessions, settings: Settings, began: datetime) -> str:
    """Adds a key as replicas of earlier releases do, and returns its kid."""
    key, kid = Ed25519PrivateKey.generate(), uuid4().hex
    sealed = sealing.seal(settings.encryption_key(), key.private_bytes_raw(), f"signing key/{kid}")
    given = {
        "kid": kid,
        "public": key.public_key().public_bytes_raw(),
        "sealed": sealed,
        "from": began,
        "until": began + PERIOD,
        "publish": began + PERIOD + timedelta(days=1),
    }
    async with sessions.begin() as session:
        await session.execute(
            text(
                "INSERT INTO signing_keys (kid, public, sealed_private, sign_from, sign_until, "
                "publish_until) VALUES (:kid, :public, :sealed, :from, :until, :publish)"
            ),
            given,
        )
    return kid


async def refreshed(sessions: db.Sessions, settings: Settings, now: list[datetime]) -> Keyring:
    keyring = Keyring(settings.encryption_key(), PERIOD, lambda: now[0])
    async with sessions.begin() as session:
        await keyring.refresh(session)
    return keyring


def algorithm(keyring: Keyring, kid: str | None) -> str:
    (key,) = (it for it in keyring.published()["keys"] if it["kid"] == kid)
    return key["alg"]


async def test_a_key_of_before_signs_on_and_the_next_is_of_the_new_kind(
    settings: Settings, sessions: db.Sessions
) -> None:
    now = [datetime.now(UTC)]
    kid = await add_as_before(sessions, settings, now[0] - timedelta(days=1))
    keyring = await refreshed(sessions, settings, now)
    published = claims.keys(keyring.published())

    before = claims.parse(keyring.sign(CLAIMS))
    now[0] += PERIOD
    after = claims.parse(keyring.sign(CLAIMS))

    assert before.kid == kid
    assert after.kid != kid
    assert [algorithm(keyring, it.kid) for it in (before, after)] == ["EdDSA", "ES256"]
    assert claims.read(before, published[kid]) == CLAIMS
    assert claims.read(after, published[str(after.kid)]) == CLAIMS


async def test_every_replica_reads_and_signs_with_the_same_keys(
    settings: Settings, sessions: db.Sessions
) -> None:
    now = [datetime.now(UTC)]
    one, other = [await refreshed(sessions, settings, now) for _ in range(2)]

    assert one.published() == other.published()
    signed = claims.parse(one.sign(CLAIMS))
    assert claims.read(signed, claims.keys(other.published())[str(signed.kid)]) == CLAIMS
    assert algorithm(one, signed.kid) == "ES256"
