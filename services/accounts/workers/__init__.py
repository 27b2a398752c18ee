"""Work on time: the foundation is laid, keys stay fresh, old rows go, heads are exported."""

import asyncio
import os
import secrets
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import structlog

from chassis import db
from chassis.db.patience import patiently
from chassis.sealing import SealBroken
from services.accounts import metrics
from services.accounts.domain import lockout
from services.accounts.storage import (
    challenges,
    contact_codes,
    contact_sessions,
    factors,
    invitations,
    letters,
    links,
    logins,
)
from services.accounts.storage import heads as kept_heads
from services.accounts.storage import oidc as kept_oidc
from services.accounts.storage import sessions as kept_sessions
from services.accounts.usecases import foundation, heads
from services.accounts.usecases.factors import CONFIRM_WITHIN
from services.accounts.usecases.identities import Identities
from services.accounts.usecases.keyring import Keyring
from services.accounts.usecases.passwords import Passwords

Background = Callable[[], Awaitable[None]]

_KEYS_SECONDS = 10.0
_IDENTITIES_SECONDS = 2.0
_AGAIN_SECONDS = 0.5
_SWEEP_SECONDS = 60.0
_HEAD_SECONDS = 20.0
_BATCH = 1_000
_LETTERS_KEPT = timedelta(days=30)
# Longer than any event of a contact that is no more may come late.
_DELETIONS_KEPT = timedelta(days=30)

log = structlog.get_logger()


def keep_keys(sessions: db.Sessions, keyring: Keyring) -> Background:
    """Returns the task that reads the signing keys and makes new ones in time."""

    async def refresh() -> None:
        async with sessions.begin() as session:
            await keyring.refresh(session)

    async def keep_signing_keys() -> None:
        while True:
            try:
                if not await patiently(refresh, name="keep signing keys"):
                    continue
            except SealBroken:
                log.error("keys_sealed_with_another_key")
            await asyncio.sleep(_KEYS_SECONDS)

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


def lay_foundation(
    sessions: db.Sessions, passwords: Passwords, email: str, password_file: Path | None
) -> Background:
    """Returns the task that adds the system's roles and, if nobody is there, an administrator."""

    async def lay() -> None:
        async with sessions.begin() as session:
            is_first = await foundation.lay(session)
        if is_first:
            await _add_first_user(sessions, passwords, email, password_file)

    async def lay_the_foundation() -> None:
        while not await patiently(lay, name="lay the foundation"):
            pass

    return lay_the_foundation


def sweep(sessions: db.Sessions, idle: timedelta) -> Background:
    """Returns the task that deletes what ended by time and failures that no longer count."""

    async def sweep_all() -> None:
        while await _sweep(sessions, idle) >= _BATCH:
            pass

    async def sweep_sessions() -> None:
        while True:
            await patiently(sweep_all, name="sweep")
            await asyncio.sleep(_SWEEP_SECONDS)

    return sweep_sessions


def export_heads(sessions: db.Sessions, file: Path | None) -> Background:
    """Returns the task that exports the head of the audit chain, once an hour over all replicas."""

    async def export() -> None:
        async with sessions.begin() as session:
            try:
                await heads.export(session, file)
            except OSError as full:
                log.error("audit_head_not_written", error=type(full).__name__)
                raise
            newest = await kept_heads.newest(session)
        if newest is not None:
            metrics.audit_head_time.set(newest.timestamp())

    async def export_audit_heads() -> None:
        while True:
            await patiently(export, name="export audit heads")
            await asyncio.sleep(_HEAD_SECONDS)

    return export_audit_heads


async def _sweep(sessions: db.Sessions, idle: timedelta) -> int:
    older = 2 * lockout.FORGOTTEN_AFTER
    async with sessions.begin() as session:
        return max(
            await kept_sessions.drop_ended(session, idle, _BATCH),
            await kept_sessions.drop_old_failures(session, older, _BATCH),
            await kept_sessions.drop_old_places(session, lockout.PLACES_KEPT, _BATCH),
            await challenges.drop_expired(session, _BATCH),
            await kept_oidc.drop_expired(session, _BATCH),
            await links.drop_expired(session, _BATCH),
            await letters.STAFF.prune(session, _LETTERS_KEPT, _BATCH),
            await letters.CUSTOMERS.prune(session, _LETTERS_KEPT, _BATCH),
            await contact_sessions.drop_ended(session, idle, _BATCH),
            await contact_codes.drop_expired(session, _BATCH),
            await invitations.drop_expired(session, _BATCH),
            await logins.forget_deleted(session, _DELETIONS_KEPT, _BATCH),
            await factors.drop_abandoned(session, CONFIRM_WITHIN, _BATCH),
        )


async def _add_first_user(
    sessions: db.Sessions, passwords: Passwords, email: str, password_file: Path | None
) -> None:
    password = secrets.token_urlsafe(15)
    password_hash = await passwords.hash(password)
    async with sessions.begin() as session:
        added = await foundation.add_first_user(session, email, password_hash)
        if added is not None:
            # Told before the commit: a password nobody ever saw would lock everybody out.
            await asyncio.to_thread(_tell, email, password, password_file)


def _tell(email: str, password: str, password_file: Path | None) -> None:
    """Shows the password once; a plain line, since logs are kept and read by many."""
    if password_file is None:
        sys.stderr.write(f"first administrator: {email}  password: {password}\n")
        sys.stderr.flush()
        return
    password_file.unlink(missing_ok=True)
    descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{password}\n")
    sys.stderr.write(f"first administrator: {email}  password in {password_file}\n")
    sys.stderr.flush()
