"""Callers prove again who they are; wrong tries count as failed sign-ins do."""

from uuid import UUID

from chassis import db, errors
from services.accounts.domain.people import User
from services.accounts.usecases import attempts, signin, users
from services.accounts.usecases.attempts import Attempt
from services.accounts.usecases.passwords import Passwords

Proof = tuple[User, Attempt]


class Proofs:
    """Counts tries and compares passwords, outside any transaction."""

    def __init__(self, sessions: db.Sessions, passwords: Passwords, limits: signin.Limits) -> None:
        self._sessions = sessions
        self._passwords = passwords
        self._per_minute = limits.failures_per_minute

    async def counted(self, user_id: UUID) -> Proof:
        """Counts a try before it is known to be right; raises `ResourceExhausted` to wait."""
        async with self._sessions.begin() as session:
            user = await users.get(session, user_id)
            return user, await attempts.count(session, self._per_minute, user.email)

    async def password(self, user_id: UUID, password: str) -> Proof:
        """As `counted`, and raises `InvalidArgument` for a wrong password."""
        proof = await self._matching(user_id, password)
        if proof is None:
            raise wrong("password")
        return proof

    async def old_password(self, user_id: UUID, password: str) -> None:
        """Raises `Unauthenticated` for a wrong password."""
        proof = await self._matching(user_id, password)
        if proof is None:
            raise errors.Unauthenticated("SIGN_IN_REFUSED", "the old password is another one")
        async with self._sessions.begin() as session:
            await attempts.take_back(session, proof[1])

    async def refuse(self, user: User) -> None:
        """Notes a try that was wrong."""
        async with self._sessions.begin() as session:
            await signin.refuse(session, user)

    async def _matching(self, user_id: UUID, password: str) -> Proof | None:
        user, attempt = await self.counted(user_id)
        if await self._passwords.check(user.password_hash, password):
            return user, attempt
        await self.refuse(user)
        return None


def wrong(field: str) -> errors.InvalidArgument:
    """Returns the error that says which proof was wrong."""
    return errors.InvalidArgument(
        "FIELDS_INVALID",
        "what was given does not prove it",
        violations=[errors.FieldViolation(field, "is not right")],
    )
