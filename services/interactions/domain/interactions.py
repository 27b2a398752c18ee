"""The log of calls, visits, letters and web contacts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis.context import Level
from chassis.scope import Scope
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems

LONGEST_TEXT = 4_000
LONGEST = timedelta(hours=24)
# A clock of somebody's that is this much ahead of the database's is forgiven.
_AHEAD = timedelta(minutes=5)


class Kind(StrEnum):
    """How people met."""

    CALL = "call"
    VISIT = "visit"
    LETTER = "letter"
    WEB = "web"


class Direction(StrEnum):
    """Who began it: we, or the contact."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class Result(StrEnum):
    """Whether the person was reached; only then it counts as the last interaction."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    WRONG_ADDRESS = "wrong_address"


@dataclass(frozen=True)
class Interaction:
    """An interaction as it is kept; `author_id` is a user's or program's id or a service's name."""

    id: UUID
    revision: int
    contact_id: UUID
    kind: Kind
    direction: Direction
    result: Result
    start_time: datetime
    duration: timedelta
    text: str
    next_follow_up_id: UUID | None
    author_id: str
    create_time: datetime

    def deletable(self, scope: Scope) -> bool:
        """Returns True if who has this reach may delete it; OWN reaches what one logged."""
        return scope.level is not Level.OWN or self.author_id == scope.subject


def columns(given: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Returns the columns of an interaction that was given, and notes the bad fields."""
    duration = given["duration"]
    if given["kind"] is None:
        problems.add("interaction.kind", "is required")
    if not timedelta() <= duration <= LONGEST:
        problems.add("interaction.duration", "not between 0 and 24 hours")
    return {
        "contact_id": fields.uuid(given["contact_id"], "interaction.contact_id", problems),
        "kind": given["kind"],
        "direction": given["direction"] or Direction.OUTBOUND,
        "result": given["result"] or Result.REACHED,
        "start_time": given["start_time"],
        "duration": duration,
        "text": fields.text(given["text"], "interaction.text", LONGEST_TEXT, problems),
    }


def begun(given: datetime | None, now: datetime, problems: Problems) -> datetime:
    """Returns when it began, now where that was not said; notes a time that has not come."""
    if given is not None and given > now + _AHEAD:
        problems.add("interaction.start_time", "in the future")
    return min(given or now, now)
