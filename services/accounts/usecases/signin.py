"""Signing in, in one step or two, and out, with waits for those who keep failing."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from chassis.db import audit
from services.accounts.domain import fields, rights, secrets
from services.accounts.domain.people import ALL_SERVICES, Role, Session, User
from services.accounts.storage import challenges, factors, groups, sessions, users
from services.accounts.usecases import announce, attempts
from services.accounts.usecases.attempts import Attempt
from services.accounts.usecases.found import existing
from services.accounts.usecases.tokens import Issuer, Token

_SHOWN_AGENT, _SHOWN_IP = 200, 64
_CHALLENGE_LASTS = timedelta(minutes=5)


@dataclass(frozen=True)
class Limits:
    """How long a session lasts, and how many failures all together may make in a minute."""

    session: timedelta
    idle: timedelta
    failures_per_minute: int


@dataclass(frozen=True)
class Welcome:
    """A new session with its secret."""

    session: Session
    secret: str
    user: User


@dataclass(frozen=True)
class Challenge:
    """What is to be answered with a code of the second factor, until then."""

    secret: str
    expire_time: datetime


async def admit(
    session: AsyncSession, limits: Limits, email: str, ip: str
) -> tuple[User | None, Attempt]:
    """Counts an attempt; returns the user of the address, None when there is none.

    Raises `ResourceExhausted` when account, network address or all staff must wait.
    """
    attempt = await attempts.count(session, limits.failures_per_minute, email, ip)
    return await users.by_email(session, fields.email_key(email)), attempt


async def refuse(session: AsyncSession, user: User | None) -> None:
    """Notes that somebody failed to prove who they are.

    As much is written where there is no such user, or the time it takes would tell.
    """
    await _record(session, "sign_in_refused", announce.NOBODY if user is None else user.id)


async def proceed(
    session: AsyncSession, limits: Limits, attempt: Attempt, user: User, ip: str, user_agent: str
) -> Welcome | Challenge:
    """Goes on with a user whose password was right: a session, or the second factor is asked for.

    Until its code was right too, what failed before is not forgiven: else each right password
    would give fresh guesses.
    """
    if await factors.get(session, user.id) is None:
        return await welcome(session, limits, attempt, user, ip, user_agent)
    secret = secrets.new()
    expire_time = await challenges.add(session, secrets.digest(secret), user.id, _CHALLENGE_LASTS)
    await attempts.take_back(session, attempt)
    return Challenge(secret, expire_time)


async def challenged(
    session: AsyncSession, limits: Limits, challenge: str, ip: str
) -> tuple[User, Attempt]:
    """Counts an answer to a challenge; returns the user who is asked.

    Raises `Unauthenticated` when the challenge has ended, `ResourceExhausted` as `admit`.
    """
    user_id = await challenges.user_of(session, secrets.digest(challenge))
    user = await users.get(session, user_id) if user_id else None
    if user is None or not user.active:
        raise _ended()
    return user, await attempts.count(session, limits.failures_per_minute, user.email, ip)


async def complete(
    session: AsyncSession,
    limits: Limits,
    attempt: Attempt,
    user: User,
    challenge: str,
    ip: str,
    user_agent: str,
) -> Welcome:
    """Ends a challenge whose code was right; raises `Unauthenticated` when it has ended."""
    if not await challenges.end(session, secrets.digest(challenge)):
        raise _ended()
    return await welcome(session, limits, attempt, user, ip, user_agent)


async def welcome(
    session: AsyncSession,
    limits: Limits,
    attempt: Attempt,
    user: User,
    ip: str,
    user_agent: str,
    *,
    by: str = "",
) -> Welcome:
    """Makes the session of a user who proved to be one, with a secret that is always new.

    `by` is audited, if it was not by what this house keeps itself.
    """
    await attempts.forgive(session, attempt)
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
    await _record(session, "sign_in", user.id, {"by": by} if by else None)
    return Welcome(made, secret, existing(await users.get(session, user.id), "user", user.id))


@dataclass(frozen=True)
class Exchanged:
    """A token with whose it is; `role` is what it may do, `viewed_as` what was looked through."""

    token: Token
    user: User
    role: Role
    viewed_as: Role | None = None


async def exchange(
    session: AsyncSession, limits: Limits, issuer: Issuer, secret: str, view_role_id: UUID | None
) -> Exchanged:
    """Returns a token for all services with the rights that the session's user has now.

    Looking through a role, it reads what both may read, shows what both may see, and changes
    nothing. Raises `Unauthenticated` when the session ended or its user was shut out, `NotFound`
    for a role that is not there.
    """
    live = await sessions.live(session, secrets.digest(secret), limits.idle)
    found = await users.with_role(session, live.user_id) if live else None
    if live is None or found is None or not found[0].active:
        raise errors.Unauthenticated("SIGN_IN_REFUSED", "the session has ended")
    await sessions.note_use(session, live.id)
    user, role = found
    viewed_as = None
    if view_role_id is not None:
        viewed_as = existing(await groups.role(session, view_role_id), "role", view_role_id)
        role = replace(
            role,
            rights=rights.seen_through(role.rights, viewed_as.rights),
            hidden_fields=sorted({*role.hidden_fields, *viewed_as.hidden_fields}),
        )
    token = issuer.for_user(user, role, ALL_SERVICES, sid=str(live.id))
    return Exchanged(token, user, role, viewed_as)


async def sign_out(session: AsyncSession, secret: str) -> None:
    """Ends the session of a secret, if there is one."""
    await announce.sessions_ended(session, await sessions.end(session, secrets.digest(secret)))


async def revoke(session: AsyncSession, session_id: UUID) -> None:
    """Ends one session."""
    await announce.sessions_ended(session, await sessions.end_one(session, session_id))


async def _record(
    session: AsyncSession, action: str, user_id: UUID | str, after: dict[str, object] | None = None
) -> None:
    await audit.record(
        session,
        action=f"user.{action}",
        subject_type="user",
        subject_id=str(user_id),
        after=after,
    )


def _ended() -> errors.Unauthenticated:
    return errors.Unauthenticated("CHALLENGE_ENDED", "it took too long: sign in anew")
