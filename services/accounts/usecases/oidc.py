"""Signing in at an OpenID provider: what was begun here, and who came back."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors, sealing
from chassis.db import audit
from services.accounts.domain import fields, secrets
from services.accounts.domain import oidc as rules
from services.accounts.domain.letters import Kind
from services.accounts.domain.oidc import Person, Rules, Why
from services.accounts.domain.people import User
from services.accounts.storage import oidc, sessions, users
from services.accounts.usecases import announce, attempts, signin
from services.accounts.usecases.attempts import Attempt
from services.accounts.usecases.post import Post

_LASTS = timedelta(minutes=10)
_BY = "oidc"


@dataclass(frozen=True)
class Opening:
    """A sign-in that was begun: `state` travels with the browser, the others stay here."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class Stranger:
    """Somebody whom the provider knows and this house refuses; `user` if it is known who."""

    why: Why
    user: User | None = None


@dataclass(frozen=True)
class Linked:
    """Since when a user may sign in at the provider, None for who may not."""

    user_id: UUID
    since: datetime | None
    only_way_in: bool


async def begin(session: AsyncSession, encryption_key: bytes) -> tuple[Opening, datetime]:
    """Begins a sign-in; returns it and when it ends."""
    opening = Opening(secrets.new(), secrets.new(), secrets.new())
    kept = json.dumps([opening.nonce, opening.verifier]).encode()
    state_hash = secrets.digest(opening.state)
    sealed = sealing.seal(encryption_key, kept, _place(state_hash))
    return opening, await oidc.begin(session, state_hash, sealed, _LASTS)


async def take(
    session: AsyncSession, limits: signin.Limits, encryption_key: bytes, state: str, ip: str
) -> tuple[Opening, Attempt]:
    """Ends a sign-in that was begun and counts it as an attempt of a network address.

    Raises `Unauthenticated` for one that has ended, `ResourceExhausted` when the address must wait;
    it can then be taken later.
    """
    state_hash = secrets.digest(state)
    sealed = await oidc.take(session, state_hash)
    if sealed is None:
        raise errors.Unauthenticated("OIDC_STATE_ENDED", "it took too long: sign in anew")
    attempt = await attempts.count(session, limits.failures_per_minute, None, ip)
    nonce, verifier = json.loads(sealing.unseal(encryption_key, bytes(sealed), _place(state_hash)))
    return Opening(state, nonce, verifier), attempt


async def recognise(
    session: AsyncSession, post: Post, house: Rules, who: Person
) -> User | Stranger:
    """Returns the user who somebody at the provider is.

    Once linked that goes by issuer and subject alone; before, by an address that was verified.
    The user is told of being linked.
    """
    user_id = await oidc.user_of(session, who.issuer, who.subject)
    if user_id is not None:
        user = await users.get(session, user_id)
        return user if user is not None and user.active else Stranger(Why.INACTIVE, user)
    why = rules.why_not(house, who)
    if why is not None:
        return Stranger(why)
    user = await users.by_email(session, fields.email_key(who.email))
    if user is None or not rules.same_address(user.email, who.email):
        return Stranger(Why.UNKNOWN)
    if not user.active:
        return Stranger(Why.INACTIVE, user)
    if await oidc.link(session, who.issuer, who.subject, user.id):
        await _record(session, "link_oidc", user.id, {"issuer": who.issuer})
        await post.notify(session, user.id, Kind.OIDC_LINKED)
    elif await oidc.user_of(session, who.issuer, who.subject) != user.id:
        # An address that was given to somebody else there does not give them this account.
        return Stranger(Why.OTHER, user)
    return user


async def let_in(
    session: AsyncSession,
    limits: signin.Limits,
    house: Rules,
    attempt: Attempt,
    user: User,
    ip: str,
    user_agent: str,
) -> signin.Welcome | signin.Challenge:
    """Makes the session of a recognised user, or asks for the second factor if the house does.

    What failed for the account is not forgiven: it was not the account that was proved here.
    """
    if house.second_factor:
        return await signin.proceed(session, limits, attempt, user, ip, user_agent)
    return await signin.welcome(session, limits, attempt, user, ip, user_agent, by=_BY)


async def linked(session: AsyncSession, house: Rules, user: User) -> Linked:
    """Returns whether a user may sign in at the provider of this house."""
    since = await oidc.linked_since(session, user.id, house.issuer)
    return Linked(user.id, since, only_way_in=since is not None and user.invited)


async def must_keep_a_way_in(session: AsyncSession, house: Rules, user: User) -> None:
    """Raises `FailedPrecondition` for a user whom nothing but the provider lets in."""
    if (await linked(session, house, user)).only_way_in:
        raise errors.FailedPrecondition(
            "STATE_FORBIDS",
            "nothing else lets this user in; choose a password first",
            resource="oidc_identity",
            state="only_way_in",
            to="unlinked",
        )


async def unlink_own(
    session: AsyncSession, post: Post, user_id: UUID, keep_session: UUID | None
) -> None:
    """As `unlink`, for a user who proved to be one; the session it was asked from goes on."""
    await _unlink(session, post, user_id, Kind.OIDC_UNLINKED, keep_session)


async def unlink(session: AsyncSession, post: Post, user_id: UUID) -> None:
    """Forgets who a user is at the provider and ends their sessions; once more does nothing.

    The user is told of it.
    """
    await _unlink(session, post, user_id, Kind.OIDC_RESET, None)


async def _unlink(
    session: AsyncSession, post: Post, user_id: UUID, told: Kind, keep_session: UUID | None
) -> None:
    if await oidc.unlink(session, user_id):
        ended = await sessions.end_all(session, user_id, but=keep_session)
        await announce.sessions_ended(session, ended)
        await _record(session, "unlink_oidc", user_id)
        await post.notify(session, user_id, told)


async def _record(
    session: AsyncSession, action: str, user_id: UUID, after: dict[str, object] | None = None
) -> None:
    await audit.record(
        session,
        action=f"user.{action}",
        subject_type="user",
        subject_id=str(user_id),
        after=after,
    )


def _place(state_hash: bytes) -> str:
    return f"oidc sign-in/{state_hash.hex()}"
