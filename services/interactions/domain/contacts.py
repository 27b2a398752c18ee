"""The little that is kept here of a contact: who may see it, and whether it is there."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.scope import Scope


@dataclass(frozen=True)
class Contact:
    """A copy of what leads told at one revision; a deleted one is a tombstone.

    `open_lead` is True for a lead that is new, contacted or qualified. `lead_time` is when it was
    created as a lead, whatever became of it; None for who never was one.
    """

    id: UUID
    revision: int
    owner_ids: tuple[UUID, ...] = ()
    team_id: UUID | None = None
    open_lead: bool = False
    deleted: bool = False
    lead_time: datetime | None = None

    def visible(self, scope: Scope) -> bool:
        """Returns True if the contact is there and within reach."""
        return not self.deleted and scope.covers(self.owner_ids, self.team_id)
