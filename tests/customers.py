"""Customers of a running house: tokens signed as accounts signs those of who signed in."""

import asyncio
import base64
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from local.running import House
from services.accounts.usecases.keyring import Keyring
from services.accounts.usecases.tokens import ISSUER


def keyring(house: House) -> Keyring:
    """The signing keys of a house, for tests with a loop and without one."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(_keyring(house))
    finally:
        loop.close()


async def _keyring(house: House) -> Keyring:
    secret = base64.b64decode((house.home / "secrets" / "key_encryption_key").read_text())
    engine = create_async_engine(house.state["databases"]["accounts"])
    keys = Keyring(secret, timedelta(days=30), lambda: datetime.now(UTC))
    async with async_sessionmaker(engine).begin() as session:
        await keys.refresh(session)
    await engine.dispose()
    return keys


def token(keys: Keyring, house: House, contact_id: str) -> str:
    """A token of the customer who that contact is, for every service."""
    now = int(time.time())
    return keys.sign(
        {
            "iss": ISSUER,
            "sub": str(uuid4()),
            "knd": "contact",
            "contact": contact_id,
            "aud": list(house.state["grpc"]),
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid4()),
        }
    )
