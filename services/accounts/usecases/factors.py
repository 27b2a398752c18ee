"""The second factor of sign-in: beginning with one, using it, and its end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors, sealing
from chassis.db import audit
from services.accounts.domain import recovery, totp
from services.accounts.domain.letters import Kind
from services.accounts.domain.people import SecondFactor, User
from services.accounts.storage import challenges, factors, keys, sessions
from services.accounts.usecases import announce
from services.accounts.usecases.post import Post

CONFIRM_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Beginning:
    """What an authenticator needs, and until when it can be confirmed."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    expire_time: datetime


class Factors:
    """Holds the key that seals the secrets of authenticators."""

    def __init__(self, encryption_key: bytes) -> None:
        self._encryption_key = encryption_key

    async def begin(self, session: AsyncSession, user: User) -> Beginning:
        """Makes a secret that counts for nothing until it was confirmed.

        Raises `FailedPrecondition` when the user has a factor already.
        """
        secret = totp.new_secret()
        sealed = sealing.seal(self._encryption_key, secret.encode(), _place(user.id))
        begun = await factors.begin(session, user.id, sealed)
        if begun is None:
            raise _state("enrolled", "begun", "there is a second factor already; remove it first")
        return Beginning(secret, totp.uri(secret, user.email), begun + CONFIRM_WITHIN)

    async def confirm(
        self, session: AsyncSession, post: Post, user_id: UUID, code: str, keep_session: UUID | None
    ) -> Sequence[str] | None:
        """Has sign-in ask for codes from now on; returns recovery codes, None for a wrong code.

        The user is told of it. Raises `FailedPrecondition` when none was begun within the hour.
        """
        begun = await factors.lock_begun(session, user_id, CONFIRM_WITHIN)
        if begun is None:
            raise _state("none", "enrolled", "no second factor was begun within the hour")
        step = await self._step(session, begun, code)
        if step is None:
            return None
        await factors.confirm(session, user_id, step)
        codes = await _new_codes(session, user_id)
        await _end_others(session, user_id, keep_session)
        await _record(session, "enroll_second_factor", user_id)
        await post.notify(session, user_id, Kind.FACTOR_ENROLLED)
        return codes

    async def accept(self, session: AsyncSession, user_id: UUID, code: str) -> bool:
        """Uses up a code of the authenticator or a recovery code; False for a wrong one."""
        kept = await factors.lock(session, user_id)
        if kept is None:
            return False
        if not totp.is_code(code):
            return await _use_recovery_code(session, user_id, code)
        step = await self._step(session, kept, code)
        if step is None:
            return False
        await factors.note_step(session, user_id, step)
        return True

    async def _step(self, session: AsyncSession, kept: SecondFactor, code: str) -> int | None:
        opened = sealing.unseal(
            self._encryption_key, bytes(kept.sealed_secret), _place(kept.user_id)
        )
        now = await keys.database_time(session)
        return totp.accepted_step(opened.decode(), code, now, kept.last_step)


async def required(session: AsyncSession, user_id: UUID) -> None:
    """Raises `FailedPrecondition` unless the user has a factor."""
    if await factors.get(session, user_id) is None:
        raise _state("none", "none", "there is no second factor")


async def replace_codes(session: AsyncSession, post: Post, user_id: UUID) -> Sequence[str]:
    """Gives a user who proved to be one new recovery codes in place of the others; tells them."""
    codes = await _new_codes(session, user_id)
    await _record(session, "replace_recovery_codes", user_id)
    await post.notify(session, user_id, Kind.CODES_REPLACED)
    return codes


async def remove(
    session: AsyncSession, post: Post, user_id: UUID, keep_session: UUID | None
) -> None:
    """Has sign-in ask a user who proved to be one for no codes any more; tells them."""
    await factors.remove(session, user_id)
    await _end_others(session, user_id, keep_session)
    await _record(session, "remove_second_factor", user_id)
    await post.notify(session, user_id, Kind.FACTOR_REMOVED)


async def reset(session: AsyncSession, post: Post, user_id: UUID) -> None:
    """Removes the factor of somebody who lost it, and tells them; once more does nothing."""
    if await factors.remove(session, user_id):
        await _end_others(session, user_id, None)
        await _record(session, "reset_second_factor", user_id)
        await post.notify(session, user_id, Kind.FACTOR_RESET)


async def _new_codes(session: AsyncSession, user_id: UUID) -> Sequence[str]:
    codes = recovery.new_codes()
    await factors.put_codes(session, user_id, [recovery.digest(each) for each in codes])
    return codes


async def _use_recovery_code(session: AsyncSession, user_id: UUID, code: str) -> bool:
    if not recovery.is_code(code):
        return False
    if not await factors.use_code(session, user_id, recovery.digest(code)):
        return False
    left = await factors.count_codes(session, user_id)
    await _record(session, "use_recovery_code", user_id, {"left": left})
    return True


async def _end_others(session: AsyncSession, user_id: UUID, keep_session: UUID | None) -> None:
    await challenges.end_all(session, user_id)
    ended = await sessions.end_all(session, user_id, but=keep_session)
    await announce.sessions_ended(session, ended)


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


def _place(user_id: UUID) -> str:
    return f"second factor/{user_id}"


def _state(state: str, to: str, why: str) -> errors.FailedPrecondition:
    return errors.FailedPrecondition(
        "STATE_FORBIDS", why, resource="second_factor", state=state, to=to
    )
