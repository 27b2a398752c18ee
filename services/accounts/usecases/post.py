"""Whether this house mails colleagues, and what it may mail them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from services.accounts.domain.letters import Kind
from services.accounts.usecases import letters

_UNSET = "MEKONG_STAFF_SENDER_IDENTITY_ID"


@dataclass(frozen=True)
class Post:
    """Whether this house mails colleagues, and how many links may be asked for in a minute."""

    mails_staff: bool
    per_minute: int

    def must_mail(self) -> None:
        """Raises `FailedPrecondition` in a house that has no sender of such mails."""
        if not self.mails_staff:
            raise errors.FailedPrecondition(
                "STAFF_SENDER_MISSING", "mails to colleagues have no sender", setting=_UNSET
            )

    async def notify(self, session: AsyncSession, user_id: UUID, kind: Kind) -> None:
        """Has a user told of a change; does nothing in a house that has no sender."""
        if self.mails_staff:
            await letters.notify(session, user_id, kind)
