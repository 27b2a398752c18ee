"""How far a caller's right reaches over contacts and follow-ups."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from chassis.context import Level, Principal


@dataclass(frozen=True)
class Scope:
    """A level together with who has it; `user_id` is None for services and programs."""

    level: Level
    subject: str
    user_id: UUID | None
    team_id: UUID | None

    def covers(self, owners: Collection[UUID], team_id: UUID | None, creator: str = "") -> bool:
        """Returns True if something with these owners, team and creator is within reach."""
        if self.level is Level.ALL:
            return True
        if self.level is Level.NONE:
            return False
        if self.user_id in owners or (creator and creator == self.subject):
            return True
        return self.level is Level.TEAM and team_id is not None and team_id == self.team_id


def of(principal: Principal, level: Level) -> Scope:
    """Returns the reach of `level` for who calls."""
    return Scope(
        level=level,
        subject=principal.subject,
        user_id=_uuid(principal.subject),
        team_id=_uuid(principal.team_id or ""),
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
