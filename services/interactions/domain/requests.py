"""Requests: what a customer asks in the portal, whose turn it is, and what was answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chassis.errors import FailedPrecondition, ResourceExhausted
from chassis.scope import Scope
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals.events import CUSTOMER

RESOURCE = "request"
LONGEST_SUBJECT, LONGEST_TEXT = 200, 4_000
MOST_WAITING, MOST_REPLIES = 20, 200
MOST_TOLD = 50


class Kind(StrEnum):
    """What a customer asks for."""

    QUESTION = "question"
    APPOINTMENT = "appointment"
    ERASURE = "erasure"


class State(StrEnum):
    """Whose turn it is."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


WAITING = (State.OPEN, State.ANSWERED)
"""Not closed."""


@dataclass(frozen=True)
class Request:
    """A request as it is kept; `creator_id` is the login that it came by."""

    id: UUID
    revision: int
    contact_id: UUID
    kind: Kind
    subject: str
    text: str
    state: State
    assignee_ids: tuple[UUID, ...]
    team_id: UUID | None
    creator_id: str
    follow_up_id: UUID | None
    create_time: datetime
    update_time: datetime
    close_time: datetime | None

    def within(self, scope: Scope) -> bool:
        """Returns True if a right of this reach holds for the request."""
        return scope.covers(self.assignee_ids, self.team_id, self.creator_id)

    def must_wait(self, to: str) -> None:
        """Raises `FailedPrecondition` when it is closed and so cannot become `to`."""
        if self.state not in WAITING:
            raise FailedPrecondition(
                "STATE_FORBIDS",
                f"a {self.state} request cannot be {to}",
                resource=RESOURCE,
                state=self.state,
                to=to,
            )


@dataclass(frozen=True)
class Reply:
    """One reply; `author_id` is a user's or program's id, or that of the customer."""

    id: UUID
    request_id: UUID
    text: str
    author_id: str
    create_time: datetime

    @property
    def by_customer(self) -> bool:
        """Whether the customer wrote it."""
        return self.author_id == CUSTOMER


@dataclass(frozen=True)
class Answerer:
    """A colleague who may answer the requests of a team, or those of `everybody`."""

    user_id: UUID
    team_id: UUID | None
    everybody: bool


def answerers(kept: Request, staff: Sequence[Answerer]) -> list[UUID]:
    """Returns who is told of a request that is nobody's: its team, else all who may answer it."""
    team = [it.user_id for it in staff if kept.team_id and it.team_id == kept.team_id]
    return (team or [it.user_id for it in staff if it.everybody])[:MOST_TOLD]


@dataclass(frozen=True)
class Asked:
    """What a customer asks, as checked; `follow_up_id` for another time of an appointment."""

    kind: Kind
    subject: str = ""
    text: str = ""
    follow_up_id: UUID | None = None
    assignee_ids: Sequence[UUID] = ()
    team_id: UUID | None = None


def question(subject: str, text: str) -> Asked:
    """Returns a question; raises `InvalidArgument` naming each bad field."""
    problems = Problems()
    asked = Asked(
        Kind.QUESTION,
        fields.text(subject, "subject", LONGEST_SUBJECT, problems, required=True),
        fields.text(text, "text", LONGEST_TEXT, problems, required=True),
    )
    problems.raise_if_any()
    return asked


def words(text: str, *, required: bool = True) -> str:
    """Returns what somebody writes; raises `InvalidArgument` when it is nothing or too long."""
    problems = Problems()
    kept = fields.text(text, "text", LONGEST_TEXT, problems, required=required)
    problems.raise_if_any()
    return kept


def too_many(limit: int) -> ResourceExhausted:
    """Returns the error for a customer who asks or says more than anybody reads."""
    return ResourceExhausted("REQUESTS_TOO_MANY", "there are too many already", limit=limit)


def shown(kept: Request) -> Mapping[str, object]:
    """Returns what audit entries say of one."""
    names = ("contact_id", "kind", "state", "assignee_ids", "team_id", "follow_up_id")
    return {name: getattr(kept, name) for name in names}
