"""Series: follow-ups that recur, by the calendar or after an order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis.errors import FailedPrecondition
from services.interactions.domain import fields, recurrence
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import (
    DEFAULT_LENGTH,
    DEFAULT_TIME_ZONE,
    MOST_ASSIGNEES,
    Type,
)
from services.interactions.domain.recurrence import Calendar, Cursor
from services.interactions.domain.rrule import RuleRefused
from services.interactions.domain.scope import Scope

MOST_CONTACTS = 1_000
MOST_EXCEPTIONS = 1_000
MOST_DAYS = 1_000
LONGEST = timedelta(days=7)

_WALL_CLOCK = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")
_CLOCK = re.compile(r"\d{2}:\d{2}")


class State(StrEnum):
    """Whether it still plans."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True)
class AfterOrder:
    """So many days after a contact's last order, at a time of the zone's clock."""

    days: int
    clock: time
    zone: str


Rule = Calendar | AfterOrder


@dataclass(frozen=True)
class Series:
    """A series as it is kept.

    `cursor` is where the planning of a calendar rule goes on, None when it gives no more; what
    comes before `since` is passed over. At `due_time` a worker looks at it next, None for never.
    """

    id: UUID
    revision: int
    title: str
    type: Type
    contact_ids: tuple[UUID, ...]
    assignee_ids: tuple[UUID, ...]
    duration: timedelta
    description: str
    category: str
    team_id: UUID | None
    rule: Rule
    paused: bool
    cursor: Cursor | None
    since: datetime
    due_time: datetime | None
    previous_series_id: UUID | None
    creator_id: str
    create_time: datetime
    update_time: datetime

    def within(self, scope: Scope) -> bool:
        """Returns True if a right of this reach holds for the series."""
        return scope.covers(self.assignee_ids, self.team_id, self.creator_id)

    @property
    def state(self) -> State:
        """Whether it still plans."""
        over = isinstance(self.rule, Calendar) and self.cursor is None
        if over or not self.contact_ids:
            return State.PAUSED if self.paused else State.ENDED
        return State.PAUSED if self.paused else State.ACTIVE

    def calendar(self) -> Calendar:
        """Returns its calendar rule; raises `FailedPrecondition` when it has another."""
        if isinstance(self.rule, Calendar):
            return self.rule
        raise FailedPrecondition(
            "STATE_FORBIDS",
            "only a series by the calendar has times of its own",
            resource="series",
            state="after_order",
            to="changed at one time",
        )


@dataclass(frozen=True)
class Planned:
    """One follow-up to be: of which series, for whom, and when (UTC)."""

    id: UUID
    series_id: UUID
    contact_id: UUID
    time: datetime


def columns(given: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Returns the values for the fields that were given, and notes the bad ones."""
    made: dict[str, Any] = {}
    for field, value in given.items():
        made.update(_COLUMNS[field](value, f"series.{field}", problems))
    return made


def calendar(given: Mapping[str, Any], field: str, problems: Problems) -> Calendar | None:
    """Returns the calendar rule of texts, or None with what is wrong of it noted."""
    zone = fields.time_zone(given["time_zone"], f"{field}.time_zone", DEFAULT_TIME_ZONE, problems)
    start = wall_clock(given["start"], f"{field}.start", problems)
    left_out = _exceptions(given["exceptions"], f"{field}.exceptions", problems)
    if start is None or not fields.is_time_zone(zone):
        return None
    try:
        return recurrence.calendar(given["rrule"], start, zone, left_out)
    except recurrence.StartRefused as refused:
        problems.add(f"{field}.start", str(refused))
    except RuleRefused as refused:
        problems.add(f"{field}.rrule", str(refused))
    return None


def after_order(given: Mapping[str, Any], field: str, problems: Problems) -> AfterOrder | None:
    """Returns the rule of texts, or None with what is wrong of it noted."""
    zone = fields.time_zone(given["time_zone"], f"{field}.time_zone", DEFAULT_TIME_ZONE, problems)
    if not 0 <= given["days"] <= MOST_DAYS:
        problems.add(f"{field}.days", f"must be 0 to {MOST_DAYS}")
    try:
        if not _CLOCK.fullmatch(given["time_of_day"]):
            raise ValueError(given["time_of_day"])
        clock = time.fromisoformat(given["time_of_day"])
    except ValueError:
        problems.add(f"{field}.time_of_day", "must be a time of day, as 09:00")
        return None
    return AfterOrder(given["days"], clock, zone)


def wall_clock(given: str, field: str, problems: Problems) -> datetime | None:
    """Returns the wall-clock time that a text says, or notes that it says none."""
    if not given:
        problems.add(field, "is required")
        return None
    try:
        if not _WALL_CLOCK.fullmatch(given):
            raise ValueError(given)
        return datetime.fromisoformat(given)
    except ValueError:
        problems.add(field, "must be a time without zone, as 2026-03-01T09:00")
        return None


def begun(rule: Rule, now: datetime, since: datetime) -> dict[str, Any]:
    """Returns where planning begins: the values of `cursor`, `since` and `due_time`."""
    if isinstance(rule, AfterOrder):
        return {"cursor": None, "since": since, "due_time": now}
    at = recurrence.cursor(rule, since)
    return {"cursor": at, "since": since, "due_time": now if at else None}


def after(rule: AfterOrder, orders: Mapping[UUID, datetime]) -> dict[UUID, datetime]:
    """Returns when each contact is to be followed up, by the times of their last orders."""
    return {
        contact_id: recurrence.days_after(ordered, rule.days, rule.clock, rule.zone)
        for contact_id, ordered in orders.items()
    }


def _exceptions(given: Sequence[str], field: str, problems: Problems) -> list[datetime]:
    if len(given) > MOST_EXCEPTIONS:
        problems.add(field, f"more than {MOST_EXCEPTIONS}")
        return []
    read = [wall_clock(each, f"{field}[{at}]", problems) for at, each in enumerate(given)]
    return [it for it in read if it is not None]


def _text(column: str, longest: int, *, required: bool = False) -> Any:
    def check(value: str, field: str, problems: Problems) -> dict[str, Any]:
        return {column: fields.text(value, field, longest, problems, required=required)}

    return check


def _type(value: Type | None, field: str, problems: Problems) -> dict[str, Any]:
    if value is None:
        problems.add(field, "is required")
    return {"type": value}


def _ids(column: str, most: int, *, required: bool = False) -> Any:
    def check(value: Sequence[str], field: str, problems: Problems) -> dict[str, Any]:
        if len(value) > most:
            problems.add(field, f"more than {most}")
            return {}
        if required and not value:
            problems.add(field, "is required")
        ids = [fields.uuid(each, f"{field}[{at}]", problems) for at, each in enumerate(value)]
        return {column: list(dict.fromkeys(ids))}

    return check


def _duration(value: timedelta | None, field: str, problems: Problems) -> dict[str, Any]:
    if value is not None and not timedelta(0) <= value <= LONGEST:
        problems.add(field, f"must be 0 to {LONGEST.days} days")
    return {"duration": DEFAULT_LENGTH if value is None else value}


def _team(value: str, field: str, problems: Problems) -> dict[str, Any]:
    return {"team_id": fields.uuid(value, field, problems) if value else None}


def _calendar(value: Mapping[str, Any], field: str, problems: Problems) -> dict[str, Any]:
    return {"rule": calendar(value, field, problems)}


def _after_order(value: Mapping[str, Any], field: str, problems: Problems) -> dict[str, Any]:
    return {"rule": after_order(value, field, problems)}


_COLUMNS: Mapping[str, Any] = {
    "title": _text("title", 200, required=True),
    "type": _type,
    "contact_ids": _ids("contact_ids", MOST_CONTACTS, required=True),
    "assignee_ids": _ids("assignee_ids", MOST_ASSIGNEES),
    "duration": _duration,
    "description": _text("description", 4_000),
    "category": _text("category", 80),
    "team_id": _team,
    "calendar": _calendar,
    "after_order": _after_order,
}
FIELDS = tuple(_COLUMNS)
RULES = ("calendar", "after_order")
