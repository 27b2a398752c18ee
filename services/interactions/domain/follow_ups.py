"""Follow-ups: one thing to do with one contact, or a message to many, at one time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis.errors import FailedPrecondition
from chassis.scope import Scope
from services.interactions.domain import checks, fields, messages, reminders
from services.interactions.domain.checks import Check
from services.interactions.domain.fields import Problems

DEFAULT_LENGTH = timedelta(minutes=30)
DEFAULT_TIME_ZONE = "Asia/Ho_Chi_Minh"
MOST_ASSIGNEES = 20
LONGEST_OUTCOME = 2_000
MOST_CONTACTS = 1_000


class Type(StrEnum):
    """What is to be done."""

    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    MEETING = "meeting"


class Status(StrEnum):
    """How far it is."""

    SCHEDULED = "scheduled"
    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


PENDING = (Status.SCHEDULED, Status.OPEN)
MET = (Type.CALL, Type.MEETING)
"""What people do together with the one contact."""


@dataclass(frozen=True)
class FollowUp:
    """A follow-up as it is kept.

    `creator_id` is a user's or program's id or a service's name; `contact_id` is None for one
    with many contacts, which are in `deliveries`. `edited`: a person changed or closed it.
    """

    id: UUID
    revision: int
    title: str
    type: Type
    status: Status
    contact_id: UUID | None
    assignee_ids: tuple[UUID, ...]
    start_time: datetime
    end_time: datetime
    time_zone: str
    description: str
    outcome: str
    category: str
    team_id: UUID | None
    creator_id: str
    create_time: datetime
    update_time: datetime
    close_time: datetime | None
    contact_count: int = 1
    segment_id: UUID | None = None
    series_id: UUID | None = None
    recurrence_time: datetime | None = None
    batch_id: UUID | None = None
    message: Mapping[str, Any] | None = None
    progress: Mapping[str, int] | None = None
    reminders: Sequence[Mapping[str, Any]] = ()
    edited: bool = False

    def within(self, scope: Scope) -> bool:
        """Returns True if a right of this reach holds for the follow-up."""
        return scope.covers(self.assignee_ids, self.team_id, self.creator_id)

    @property
    def is_for_customer(self) -> bool:
        """Whether the customer sees it: a meeting, or a call that was agreed on.

        Calls that a series or batch planned are what colleagues are to do.
        """
        planned_alike = self.series_id is not None or self.batch_id is not None
        return self.type is Type.MEETING or (self.type is Type.CALL and not planned_alike)

    def must_be_pending(self, to: str) -> None:
        """Raises `FailedPrecondition` when it is closed and so cannot become `to`."""
        if self.status not in PENDING:
            raise FailedPrecondition(
                "STATE_FORBIDS",
                f"a {self.status} follow-up cannot be {to}",
                resource="follow_up",
                state=self.status,
                to=to,
            )


def columns(
    given: Mapping[str, Any], problems: Problems, *, at: str = "follow_up"
) -> dict[str, Any]:
    """Returns the columns for the fields that were given, and notes the bad ones, as of `at`."""
    made: dict[str, Any] = {}
    for field, value in given.items():
        made.update(_COLUMNS[field](value, f"{at}.{field}", problems))
    return made


def with_end(
    changed: dict[str, Any],
    before: FollowUp | None,
    problems: Problems,
    *,
    at: str = "follow_up",
) -> None:
    """Adds the end where it was not said: half an hour, or as long as it was before.

    Notes an end that comes before the start.
    """
    start = changed.get("start_time") or (before.start_time if before else None)
    if start is None:
        return
    if changed.get("end_time") is None:
        if before is None or "end_time" in changed:
            changed["end_time"] = start + DEFAULT_LENGTH
        elif "start_time" in changed:
            changed["end_time"] = start + (before.end_time - before.start_time)
    end = changed.get("end_time") or (before.end_time if before else start)
    if end < start:
        problems.add(f"{at}.end_time", "before the start")


def with_audience(
    changed: dict[str, Any], before: FollowUp | None, problems: Problems
) -> messages.Message | None:
    """Adds how many contacts there are, and the message as it is kept, where any of that changes.

    Notes what does not go together. Returns the message if it was given and may be admitted.
    """
    _with_reminders(changed, before, problems)
    if before is not None and not changed.keys() & {"type", "message", "contact_id", "segment_id"}:
        return None
    known = (before.type, before.message) if before else None
    message, is_sent = messages.changed(changed, known, "follow_up.message", problems)
    _count(changed, before, is_sent, problems)
    return message


def _with_reminders(
    changed: Mapping[str, Any], before: FollowUp | None, problems: Problems
) -> None:
    kept = changed.get("reminders", before.reminders if before else ())
    kind = changed.get("type") or (before.type if before else None)
    contacts = _given(changed)
    is_met = kind in MET and changed.get("segment_id") is None and len(contacts or [1]) == 1
    reminders.must_fit(kept, is_met=is_met, field="follow_up.reminders", problems=problems)


def _count(
    changed: dict[str, Any], before: FollowUp | None, is_sent: bool, problems: Problems
) -> None:
    segment = changed.get("segment_id", before.segment_id if before else None)
    given = _given(changed)
    if segment is not None:
        if given:
            problems.add("follow_up.segment_id", "give contacts or a segment")
        if not is_sent:
            problems.add("follow_up.segment_id", "needs a message")
        changed["contact_id"], changed["contact_count"] = None, 0
        return
    if given is None and before is not None:
        count = before.contact_count
        if before.segment_id is not None:
            problems.add("follow_up.contact_ids", "is required")
    else:
        count = len(given or ())
        changed["contact_count"] = count
        if not count:
            problems.add("follow_up.contact_ids", "is required")
    if count > 1 and not is_sent:
        problems.add("follow_up.contact_ids", "needs exactly one contact")


def _given(changed: Mapping[str, Any]) -> list[UUID] | None:
    if "contact_id" not in changed:
        return None
    one: UUID | None = changed["contact_id"]
    return [one] if one is not None else list(changed.get("contact_ids", ()))


def contacts_in(columns: Mapping[str, Any]) -> list[UUID]:
    """Return the contacts that checked columns name."""
    return _given(columns) or []


def status_at(start: datetime, now: datetime) -> Status:
    """Returns the status of one that is not closed."""
    return Status.OPEN if start <= now else Status.SCHEDULED


def _contacts(value: list[str], field: str, problems: Problems) -> dict[str, Any]:
    if len(value) > MOST_CONTACTS:
        problems.add(field, f"more than {MOST_CONTACTS}; a segment may have any number")
        value = value[:MOST_CONTACTS]
    found = [fields.uuid(each, f"{field}[{at}]", problems) for at, each in enumerate(value)]
    ids = list(dict.fromkeys(it for it in found if it is not None))
    if len(ids) == 1:
        return {"contact_id": ids[0]}
    return {"contact_id": None, "contact_ids": ids}


def _assignees(value: list[str], field: str, problems: Problems) -> dict[str, Any]:
    if len(value) > MOST_ASSIGNEES:
        problems.add(field, f"more than {MOST_ASSIGNEES}")
    ids = [fields.uuid(each, f"{field}[{at}]", problems) for at, each in enumerate(value)]
    return {"assignee_ids": list(dict.fromkeys(ids))}


def _start(value: datetime | None, field: str, problems: Problems) -> dict[str, Any]:
    if value is None:
        problems.add(field, "is required")
    return {"start_time": value}


def _end(value: datetime | None, field: str, problems: Problems) -> dict[str, Any]:
    return {"end_time": value}


def _zone(value: str, field: str, problems: Problems) -> dict[str, Any]:
    return {"time_zone": fields.time_zone(value, field, DEFAULT_TIME_ZONE, problems)}


_COLUMNS: Mapping[str, Check] = {
    "title": checks.text("title", 200, required=True),
    "type": checks.type_of,
    "contact_ids": _contacts,
    "assignee_ids": _assignees,
    "start_time": _start,
    "end_time": _end,
    "time_zone": _zone,
    "description": checks.text("description", 4_000),
    "category": checks.text("category", 80),
    "team_id": checks.optional_id("team_id"),
    "message": checks.message,
    "segment_id": checks.optional_id("segment_id"),
    "reminders": checks.reminders_of,
}
FIELDS = tuple(_COLUMNS)
