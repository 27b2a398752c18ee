"""Tokens that a benchmark signs itself, with the house's own key: who calls is not measured."""

import base64
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from chassis import db
from chassis.config import ServiceSettings
from local.running import House
from services.accounts.usecases.keyring import Keyring


async def token(running: House, audience: str, claims: Mapping[str, object]) -> str:
    """Return a token for one service, good for an hour."""
    unused = SecretStr("unused")
    settings = ServiceSettings(
        database_url=SecretStr(running.state["databases"]["accounts"]),
        seal_key=unused,
        client_secret=unused,
        nats_url="unused",
        issuer_url="unused",
        client_id="bench",
    )
    sessions = db.sessions(settings, "accounts")
    secret = base64.b64decode((running.home / "secrets" / "key_encryption_key").read_text())
    keyring = Keyring(secret, timedelta(days=30), lambda: datetime.now(UTC))
    async with sessions.begin() as session:
        await keyring.refresh(session)
    await db.dispose(sessions)
    now = int(time.time())
    lasting = {"iss": "mekong", "aud": [audience], "iat": now, "exp": now + 3600}
    return keyring.sign({**claims, **lasting})
