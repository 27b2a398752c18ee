"""How far a right reaches: over everything, over what a team owns, or over what is one's own."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from chassis.context import Level, Principal


class Ground(StrEnum):
    """Why something is within reach."""

    ALL = "all"
    OWNER = "owner"
    CREATOR = "creator"
    TEAM = "team"


@dataclass(frozen=True)
class Scope:
    """A level together with who has it; `user_id` is None for services and programs."""

    level: Level
    subject: str = ""
    user_id: UUID | None = None
    team_id: UUID | None = None

    @property
    def is_all(self) -> bool:
        """True when there is nothing to restrict."""
        return self.level is Level.ALL

    def ground(
        self, owners: Collection[UUID], team_id: UUID | None, creator: str = ""
    ) -> Ground | None:
        """Returns why something with these owners, team and creator is within reach, or None."""
        if self.level is Level.ALL:
            return Ground.ALL
        if self.level is Level.NONE:
            return None
        if self.user_id in owners:
            return Ground.OWNER
        if creator and creator == self.subject:
            return Ground.CREATOR
        if self.level is Level.TEAM and team_id is not None and team_id == self.team_id:
            return Ground.TEAM
        return None

    def covers(self, owners: Collection[UUID], team_id: UUID | None, creator: str = "") -> bool:
        """Returns True if something with these owners, team and creator is within reach."""
        return self.ground(owners, team_id, creator) is not None


EVERYTHING = Scope(Level.ALL)


def of(principal: Principal, level: Level) -> Scope:
    """Returns the reach of `level` for `principal`."""
    return Scope(
        level=level,
        subject=principal.subject,
        user_id=identity(principal.subject),
        team_id=identity(principal.team_id or ""),
    )


def to(principal: Principal, resource: str, action: str) -> Scope:
    """Returns how far the right of `principal` to an action reaches, which may be nowhere."""
    return of(principal, principal.level(resource, action))


def identity(text: str) -> UUID | None:
    """Returns the id that `text` is, None for the name of a program or nothing."""
    try:
        return UUID(text)
    except ValueError:
        return None
