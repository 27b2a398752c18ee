"""Which contacts a caller may reach."""

from dataclasses import dataclass
from uuid import UUID

from chassis.context import Level, Principal
from services.leads.domain.contact import Profile


@dataclass(frozen=True)
class Scope:
    """A level for one action, with whose `own` and which `team` it speaks of."""

    level: Level
    user_id: UUID | None = None
    team_id: str = ""

    @property
    def is_all(self) -> bool:
        """True when there is nothing to restrict."""
        return self.level is Level.ALL

    def covers(self, profile: Profile) -> bool:
        """Whether the contact is within reach."""
        if self.is_all:
            return True
        if self.level is Level.NONE:
            return False
        own = self.user_id is not None and self.user_id in profile.owner_ids
        team = bool(self.team_id) and profile.team_id == self.team_id
        return own or (self.level is Level.TEAM and team)


EVERYTHING = Scope(Level.ALL)


def of(principal: Principal, resource: str, action: str) -> Scope:
    """Return how far the caller's right to `action` reaches."""
    try:
        user_id = UUID(principal.subject)
    except ValueError:
        user_id = None
    return Scope(principal.level(resource, action), user_id, principal.team_id or "")
