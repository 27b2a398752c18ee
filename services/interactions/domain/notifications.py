"""Notifications: what one person is told of, and because of what."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from chassis import scope
from chassis.context import Level, Principal
from chassis.scope import Scope

MOST_COUNTED = 100
"""Nobody needs to know how many unread ones there are beyond."""

READ_KEPT = timedelta(days=90)
"""One that was read goes this much later."""

KEPT = timedelta(days=365)
"""Any goes this long after it was told."""


class Kind(StrEnum):
    """Why somebody is told."""

    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    PROPOSAL_ANSWERED = "proposal_answered"
    FOLLOW_UP_FAILED = "follow_up_failed"
    REMINDER = "reminder"
    BATCH_ASSIGNED = "batch_assigned"
    SERIES_ASSIGNED = "series_assigned"
    HANDED_OVER = "handed_over"
    PROPOSAL_UNDELIVERED = "proposal_undelivered"
    REQUEST = "request"


ABOUT_FOLLOW_UPS = (Kind.ASSIGNED, Kind.FOLLOW_UP_FAILED, Kind.REMINDER)
ABOUT_PROPOSALS = (Kind.PROPOSAL_ANSWERED, Kind.PROPOSAL_UNDELIVERED)


@dataclass(frozen=True)
class Told:
    """A fact that somebody is to be told of, once however often it is written.

    `source_id` is the note, follow-up, batch, series, request, event of a proposal or act of
    handing over; `occasion` tells facts of one kind about the same source from each other. `count`
    says of how many follow-ups.
    """

    user_id: UUID
    kind: Kind
    source_id: UUID
    actor_id: str
    occasion: int = 0
    count: int = 0


@dataclass(frozen=True)
class Notification:
    """One as its reader sees it, with what its source says now."""

    id: UUID
    kind: Kind
    actor_id: str
    contact_id: UUID | None
    note_id: UUID | None
    follow_up_id: UUID | None
    proposal_id: UUID | None
    batch_id: UUID | None
    series_id: UUID | None
    request_id: UUID | None
    follow_up_count: int
    title: str
    text: str
    event: str
    start_time: datetime | None
    create_time: datetime
    read_time: datetime | None


@dataclass(frozen=True)
class Reader:
    """Whose notifications, and how far that person's rights to read reach now."""

    user_id: UUID
    contacts: Scope
    follow_ups: Scope
    proposals: Scope
    requests: Scope


def reader(principal: Principal) -> Reader | None:
    """Returns a person with the reach of now; None for a service, which is told nothing.

    A note is seen with the contact that it is of.
    """
    noted, contacts, follow_ups, proposals, requests = (
        scope.of(principal, principal.level(resource, "read"))
        for resource in ("notes", "contacts", "follow_ups", "proposals", "requests")
    )
    if noted.user_id is None:
        return None
    reach = noted if noted.level is Level.NONE else contacts
    return Reader(noted.user_id, reach, follow_ups, proposals, requests)
