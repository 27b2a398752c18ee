"""The fields of a series as they are given: checked, and what does not go together."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from services.interactions.domain import checks, fields, messages, recurrence, reminders
from services.interactions.domain.checks import Check
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import (
    DEFAULT_LENGTH,
    DEFAULT_TIME_ZONE,
    MET,
    MOST_ASSIGNEES,
)
from services.interactions.domain.recurrence import Calendar
from services.interactions.domain.rrule import RuleRefused
from services.interactions.domain.series import MOST_EXCEPTIONS, AfterOrder, InvoiceDue, Series

MOST_CONTACTS = 1_000
MOST_DAYS = 1_000
LONGEST = timedelta(days=7)

_WALL_CLOCK = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")
_CLOCK = re.compile(r"\d{2}:\d{2}")


def columns(given: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Returns the values for the fields that were given, and notes the bad ones."""
    made: dict[str, Any] = {}
    for field, value in given.items():
        made.update(_COLUMNS[field](value, f"series.{field}", problems))
    return made


def with_audience(
    changed: dict[str, Any], before: Series | None, problems: Problems
) -> messages.Message | None:
    """Puts the message as it is kept, where anything of it or of whom it is for changes.

    Notes what does not go together. Returns the message if it was given and may be admitted.
    """
    kind = changed.get("type") or (before.type if before else None)
    reminders.must_fit(
        changed.get("reminders", before.reminders if before else ()),
        is_met=kind in MET and changed.get("segment_id") is None,
        field="series.reminders",
        problems=problems,
    )
    if before is not None and not changed.keys() & _OF_AUDIENCE:
        return None
    known = (before.type, before.message) if before else None
    message, is_sent = messages.changed(changed, known, "series.message", problems)
    segment = changed.get("segment_id", before.segment_id if before else None)
    if segment is None:
        # None: too many were given. One whose contacts were all deleted may be changed otherwise.
        given = changed.get("contact_ids", before.contact_ids if before else None)
        asked = before is None or changed.keys() & {"contact_ids", "segment_id"}
        if given is not None and not given and asked:
            problems.add("series.contact_ids", "is required")
        return message
    if changed.get("contact_ids"):
        problems.add("series.segment_id", "give contacts or a segment")
    if not is_sent:
        problems.add("series.segment_id", "needs a message")
    if not isinstance(changed.get("rule", before.rule if before else None), Calendar | None):
        problems.add("series.segment_id", "needs a calendar rule")
    changed["contact_ids"] = []
    return message


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
    read = _days(given, field, 0, problems)
    return AfterOrder(*read) if read else None


def invoice_due(given: Mapping[str, Any], field: str, problems: Problems) -> InvoiceDue | None:
    """Returns the rule of texts, or None with what is wrong of it noted."""
    read = _days(given, field, -MOST_DAYS, problems)
    return InvoiceDue(*read) if read else None


def _days(
    given: Mapping[str, Any], field: str, least: int, problems: Problems
) -> tuple[int, time, str] | None:
    zone = fields.time_zone(given["time_zone"], f"{field}.time_zone", DEFAULT_TIME_ZONE, problems)
    if not least <= given["days"] <= MOST_DAYS:
        problems.add(f"{field}.days", f"must be {least} to {MOST_DAYS}")
    try:
        if not _CLOCK.fullmatch(given["time_of_day"]):
            raise ValueError(given["time_of_day"])
        clock = time.fromisoformat(given["time_of_day"])
    except ValueError:
        problems.add(f"{field}.time_of_day", "must be a time of day, as 09:00")
        return None
    return given["days"], clock, zone


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


def _exceptions(given: Sequence[str], field: str, problems: Problems) -> list[datetime]:
    if len(given) > MOST_EXCEPTIONS:
        problems.add(field, f"more than {MOST_EXCEPTIONS}")
        return []
    read = [wall_clock(each, f"{field}[{at}]", problems) for at, each in enumerate(given)]
    return [it for it in read if it is not None]


def _ids(column: str, most: int) -> Any:
    def check(value: Sequence[str], field: str, problems: Problems) -> dict[str, Any]:
        if len(value) > most:
            problems.add(field, f"more than {most}")
            return {}
        ids = [fields.uuid(each, f"{field}[{at}]", problems) for at, each in enumerate(value)]
        return {column: list(dict.fromkeys(ids))}

    return check


def _duration(value: timedelta | None, field: str, problems: Problems) -> dict[str, Any]:
    if value is not None and not timedelta(0) <= value <= LONGEST:
        problems.add(field, f"must be 0 to {LONGEST.days} days")
    return {"duration": DEFAULT_LENGTH if value is None else value}


def _invoice_due(value: Mapping[str, Any], field: str, problems: Problems) -> dict[str, Any]:
    return {"rule": invoice_due(value, field, problems)}


def _calendar(value: Mapping[str, Any], field: str, problems: Problems) -> dict[str, Any]:
    return {"rule": calendar(value, field, problems)}


def _after_order(value: Mapping[str, Any], field: str, problems: Problems) -> dict[str, Any]:
    return {"rule": after_order(value, field, problems)}


_COLUMNS: Mapping[str, Check] = {
    "title": checks.text("title", 200, required=True),
    "type": checks.type_of,
    "contact_ids": _ids("contact_ids", MOST_CONTACTS),
    "assignee_ids": _ids("assignee_ids", MOST_ASSIGNEES),
    "duration": _duration,
    "description": checks.text("description", 4_000),
    "category": checks.text("category", 80),
    "team_id": checks.optional_id("team_id"),
    "calendar": _calendar,
    "after_order": _after_order,
    "invoice_due": _invoice_due,
    "message": checks.message,
    "segment_id": checks.optional_id("segment_id"),
    "reminders": checks.reminders_of,
}
FIELDS = tuple(_COLUMNS)
_OF_AUDIENCE = {"type", "message", "contact_ids", "segment_id", "rule"}
RULES = ("calendar", "after_order", "invoice_due")
