"""Batches: the same thing to do with many contacts, one follow-up for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis.scope import Scope
from services.interactions.domain import follow_ups
from services.interactions.domain.contacts import Contact
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import Type

AT = "follow_up_batch"
FIELDS = (
    *("title", "type", "contact_ids", "segment_id", "assignee_ids", "start_time", "end_time"),
    *("time_zone", "description", "category", "team_id"),
)
"""Those that are checked as a follow-up's are."""


class State(StrEnum):
    """How far one is."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REVERTING = "reverting"
    REVERTED = "reverted"


@dataclass(frozen=True)
class Batch:
    """One as it is kept.

    Of its contacts, in the order of their ids, `cursor` are done with: each made or left out. Of
    one that is taken back, those up to `reverted_until` are done with.
    """

    id: UUID
    revision: int
    title: str
    type: Type
    contact_ids: tuple[UUID, ...]
    segment_id: UUID | None
    assign_to_owner: bool
    assignee_ids: tuple[UUID, ...]
    start_time: datetime
    end_time: datetime
    time_zone: str
    description: str
    category: str
    team_id: UUID | None
    state: State
    contact_count: int
    made_count: int
    left_out_count: int
    cursor: int
    claim: int
    creator_id: str
    create_time: datetime
    update_time: datetime
    cancelled_count: int = 0
    kept_count: int = 0
    reverted_until: UUID | None = None

    @property
    def gone_count(self) -> int:
        """How many of its follow-ups were deleted; known once it is taken back."""
        if self.state is not State.REVERTED:
            return 0
        return self.made_count - self.cancelled_count - self.kept_count

    def within(self, scope: Scope) -> bool:
        """Returns True if a right of this reach holds for the batch."""
        return scope.covers(self.assignee_ids, self.team_id, self.creator_id)

    def reverted_by(self, scope: Scope) -> bool:
        """Returns True if a right of this reach holds for all that the batch made.

        Its follow-ups are its creator's and team's; being among its assignees is not enough.
        """
        return scope.covers((), self.team_id, self.creator_id)

    def owner(self, contact: Contact) -> UUID | None:
        """Returns the owner who is to do it with a contact; None: those named do it."""
        return contact.owner_ids[0] if self.assign_to_owner and contact.owner_ids else None


@dataclass(frozen=True)
class Made:
    """One follow-up to be: its contact, and the owner who does it (None: those named)."""

    id: UUID
    contact_id: UUID
    owner_id: UUID | None


def columns(given: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Returns the columns for the fields of a new batch, and notes the bad ones."""
    made = follow_ups.columns(given, problems, at=AT)
    follow_ups.with_end(made, None, problems, at=AT)
    ids = follow_ups.contacts_in(made)
    made.pop("contact_id", None)
    if ids and made["segment_id"] is not None:
        problems.add(f"{AT}.segment_id", "give contacts or a segment")
    if not ids and made["segment_id"] is None:
        problems.add(f"{AT}.contact_ids", "is required")
    return {**made, "contact_ids": ids, "contact_count": len(ids)}
