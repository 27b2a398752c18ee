"""Choosing a password by a link that came by e-mail."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from chassis.db import audit
from services.accounts.domain import fields, lockout, secrets
from services.accounts.domain.letters import Kind
from services.accounts.domain.people import PasswordLink, User
from services.accounts.storage import links, sessions, users
from services.accounts.usecases import attempts, letters
from services.accounts.usecases.post import Post
from services.accounts.usecases.users import covered, replace_password


async def ask(session: AsyncSession, post: Post, email: str, ip: str) -> None:
    """Has a link mailed to the user of an address, if there is one.

    Raises `ResourceExhausted` for an address, real or not, that asks too often.
    """
    await attempts.count_request(session, lockout.RESETS, post.per_minute, email, ip)
    await letters.ask_reset(session, fields.email_key(email))


async def invite_again(session: AsyncSession, user_id: UUID) -> None:
    """Has another link mailed to a user who may do nothing that the caller may not.

    Raises `FailedPrecondition` for one who has a password or was shut out.
    """
    user = await covered(session, user_id)
    if not user.active or not user.invited:
        raise errors.FailedPrecondition(
            "STATE_FORBIDS",
            "only a user without a password can be invited",
            resource="user",
            state="active" if user.active else "inactive",
            to="invited",
        )
    await letters.invite(session, user)


async def described(session: AsyncSession, token: str) -> tuple[PasswordLink, User]:
    """Returns a link and its user; raises `NotFound` for one that has ended."""
    return await _whose(session, await links.alive(session, secrets.digest(token)))


async def choose(session: AsyncSession, post: Post, token: str, password_hash: str) -> None:
    """Uses a link: sets the password, ends all sessions; raises `NotFound` if it has ended.

    The user is told of it, but for a first password that an invitation asked for.
    """
    used = await links.use(session, secrets.digest(token))
    link, user = await _whose(session, used, lock=True)
    await replace_password(session, user, password_hash, keep_session=None)
    await sessions.forget(session, [lockout.account_key(fields.email_key(user.email))])
    await audit.record(
        session,
        action="user.reset_password",
        subject_type="user",
        subject_id=str(user.id),
        after={"by": link.kind},
    )
    if link.kind != Kind.INVITATION:
        await post.notify(session, user.id, Kind.PASSWORD_RESET)


async def _whose(
    session: AsyncSession, link: PasswordLink | None, *, lock: bool = False
) -> tuple[PasswordLink, User]:
    user = await users.get(session, link.user_id, lock=lock) if link else None
    if link is None or user is None or not user.active:
        raise errors.NotFound("PASSWORD_LINK_INVALID", "the link was used or has expired")
    return link, user
