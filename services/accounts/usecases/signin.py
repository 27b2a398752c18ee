"""Signing in and out, with waits for those who keep failing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from chassis.db import audit
from services.accounts.domain import fields, lockout, secrets
from services.accounts.domain.people import ALL_SERVICES, Role, Session, User
from services.accounts.storage import sessions, users
from services.accounts.usecases import announce
from services.accounts.usecases.found import existing
from services.accounts.usecases.tokens import Issuer, Token

_SHOWN_AGENT, _SHOWN_IP = 200, 64


@dataclass(frozen=True)
class Limits:
    """How long a session lasts, and how many failures all together may make in a minute."""

    session: timedelta
    idle: timedelta
    failures_per_minute: int


async def admit(session: AsyncSession, limits: Limits, email: str, ip: str) -> User | None:
    """Counts an attempt before it is known to be right, so that parallel guesses count too.

    Returns the user of the address, None when there is none. Raises `ResourceExhausted` when
    account, network address or the whole installation must wait.
    """
    account, address = keys(email, ip)
    now, known = await sessions.lock_failures(session, [account, address, lockout.EVERYONE])
    longest = max(lockout.wait(each, now) for each in known.values())
    if longest > 0:
        raise errors.ResourceExhausted(
            "RATE_LIMITED", "too many failed attempts to sign in", retry_after_seconds=longest
        )
    all_together = known[lockout.EVERYONE]
    for charged in (
        lockout.charged(known[account], now, lockout.FREE_ACCOUNT),
        lockout.charged(known[address], now, lockout.FREE_ADDRESS),
        lockout.charged_to_all(all_together, now, limits.failures_per_minute),
    ):
        await sessions.put_failures(session, charged)
    return await users.by_email(session, fields.email_key(email))


async def refuse(session: AsyncSession, user: User | None) -> None:
    """Notes that somebody failed to sign in as a user that exists."""
    if user is not None:
        await _record(session, "sign_in_refused", user.id)


async def welcome(
    session: AsyncSession, limits: Limits, user: User, email: str, ip: str, user_agent: str
) -> tuple[Session, str, User]:
    """Makes the session of a user who proved to be one; returns it with its secret."""
    await sessions.forgive(session, keys(email, ip), lockout.EVERYONE)
    secret = secrets.new()
    made = await sessions.add(
        session,
        {
            "id": uuid_utils.compat.uuid7(),
            "user_id": user.id,
            "secret_hash": secrets.digest(secret),
            "user_agent": fields.clean(user_agent)[:_SHOWN_AGENT],
            "ip": fields.clean(ip)[:_SHOWN_IP],
        },
        limits.session,
    )
    await users.note_sign_in(session, user.id, made.create_time)
    await _record(session, "sign_in", user.id)
    return made, secret, existing(await users.get(session, user.id), "user", user.id)


async def exchange(
    session: AsyncSession, limits: Limits, issuer: Issuer, secret: str
) -> tuple[Token, User, Role]:
    """Returns a token for all services with the rights that the session's user has now.

    Raises `Unauthenticated` when the session ended or its user was shut out.
    """
    live = await sessions.live(session, secrets.digest(secret), limits.idle)
    found = await users.with_role(session, live.user_id) if live else None
    if live is None or found is None or not found[0].active:
        raise errors.Unauthenticated("SIGN_IN_REFUSED", "the session has ended")
    await sessions.note_use(session, live.id)
    user, role = found
    return issuer.for_user(user, role, ALL_SERVICES, sid=str(live.id)), user, role


async def sign_out(session: AsyncSession, secret: str) -> None:
    """Ends the session of a secret, if there is one."""
    await announce.sessions_ended(session, await sessions.end(session, secrets.digest(secret)))


async def revoke(session: AsyncSession, session_id: UUID) -> None:
    """Ends one session."""
    await announce.sessions_ended(session, await sessions.end_one(session, session_id))


def keys(email: str, ip: str) -> Sequence[str]:
    """Returns the keys under which failures of this account and network address count."""
    return lockout.account_key(fields.email_key(email)), lockout.address_key(ip)


async def _record(session: AsyncSession, action: str, user_id: UUID) -> None:
    await audit.record(
        session, action=f"user.{action}", subject_type="user", subject_id=str(user_id)
    )
