"""Work on time: keys and identities are kept fresh."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chassis import db
from services.accounts.domain.sealing import SealBroken
from services.accounts.usecases.identities import Identities
from services.accounts.usecases.keyring import Keyring

Background = Callable[[], Awaitable[None]]

_KEYS_SECONDS = 10.0
_IDENTITIES_SECONDS = 2.0
_AGAIN_SECONDS = 0.5

log = structlog.get_logger()


def keep_keys(sessions: db.Sessions, keyring: Keyring) -> Background:
    """Returns the task that reads the signing keys and makes new ones in time."""

    async def keep_signing_keys() -> None:
        while True:
            pause = _KEYS_SECONDS
            try:
                async with sessions.begin() as session:
                    await keyring.refresh(session)
            except (SQLAlchemyError, OSError) as away:
                log.info("keys_not_refreshed", error=type(away).__name__)
                pause = _AGAIN_SECONDS
            except SealBroken:
                log.error("keys_sealed_with_another_key")
            await asyncio.sleep(pause)

    return keep_signing_keys


def keep_identities(identities: Identities) -> Background:
    """Returns the task that reads the file of service identities when it changes."""

    async def keep_service_identities() -> None:
        pause = _AGAIN_SECONDS
        while True:
            try:
                if await asyncio.to_thread(identities.refresh):
                    log.info("identities_read")
                pause = _IDENTITIES_SECONDS
            except (OSError, ValueError) as wrong:
                log.error("identities_unreadable", error=type(wrong).__name__)
            await asyncio.sleep(pause)

    return keep_service_identities
