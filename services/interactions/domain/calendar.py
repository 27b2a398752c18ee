"""Follow-ups by when they are: ranges, what is busy, and where one is moved to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import (
    DEFAULT_LENGTH,
    MOST_ASSIGNEES,
    FollowUp,
    Status,
    Type,
)

LONGEST_RANGE = timedelta(days=62)
LONGEST_CHECK = timedelta(days=31)
MOST_OF_A_RANGE = 50
MOST_MOVES = 200
FARTHEST_MOVE = timedelta(days=3_660)
# So far from either end of what is kept that no zone and no length leads beyond it.
_YEARS = range(1970, 9_001)
_FAR = f"not between {_YEARS[0]} and {_YEARS[-1]}"
BUSY = (Type.CALL, Type.MEETING)
"""What a person can do only one of at a time."""


@dataclass(frozen=True)
class Entry:
    """A follow-up as a calendar shows it."""

    id: UUID
    revision: int
    title: str
    type: Type
    status: Status
    start_time: datetime
    end_time: datetime
    time_zone: str
    contact_id: UUID | None
    contact_count: int
    assignee_ids: tuple[UUID, ...]
    series_id: UUID | None
    update_time: datetime


@dataclass(frozen=True)
class Span:
    """Time from `start` to before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class To:
    """Where follow-ups are moved: by `offset`, or to `day` at the same local time.

    `time_zone` is whose days and local times are meant; that of each follow-up when empty.
    """

    offset: timedelta | None
    day: date | None
    time_zone: str


def span(start: datetime | None, end: datetime | None, problems: Problems) -> Span | None:
    """Returns the range of a calendar, or notes what is wrong with it."""
    for field, given in (("range_start", start), ("range_end", end)):
        if given is None:
            problems.add(field, "is required")
        else:
            _check_year(given, field, problems)
    if start is None or end is None:
        return None
    if end <= start:
        problems.add("range_end", "not after the start")
    elif end - start > LONGEST_RANGE:
        problems.add("range_end", f"more than {LONGEST_RANGE.days} days after the start")
    return Span(start, end)


def checked(start: datetime | None, end: datetime | None, problems: Problems) -> Span | None:
    """Returns the time to look for overlaps in, or notes what is wrong with it."""
    if start is None:
        problems.add("start_time", "is required")
        return None
    if not _check_year(start, "start_time", problems):
        return None
    if end is None:
        return Span(start, start + DEFAULT_LENGTH)
    if end < start:
        problems.add("end_time", "before the start")
    elif end - start > LONGEST_CHECK:
        problems.add("end_time", f"more than {LONGEST_CHECK.days} days after the start")
    return Span(start, end)


def _check_year(given: date, field: str, problems: Problems) -> bool:
    if given.year not in _YEARS:
        problems.add(field, _FAR)
    return given.year in _YEARS


def people(given: Sequence[str], problems: Problems, most: int = MOST_ASSIGNEES) -> list[UUID]:
    """Returns whose calendar is meant, or notes the bad ids."""
    if len(given) > most:
        problems.add("assignee_ids", f"more than {most}")
        return []
    found = [fields.uuid(it, f"assignee_ids[{at}]", problems) for at, it in enumerate(given)]
    return [it for it in dict.fromkeys(found) if it is not None]


def destination(offset: timedelta | None, day: str | None, zone: str, problems: Problems) -> To:
    """Returns where to, or notes what is wrong; `day` is an ISO 8601 date."""
    fields.time_zone(zone, "time_zone", "", problems)
    if offset is None and day is None:
        problems.add("to", "is required")
    if offset is not None and abs(offset) > FARTHEST_MOVE:
        problems.add("offset", f"more than {FARTHEST_MOVE.days} days")
    return To(offset, _day(day, problems) if day is not None else None, zone)


def moved(kept: FollowUp, to: To) -> datetime | None:
    """Returns the new start; None where the local time does not exist on that day.

    Where it exists twice, the first is taken.
    """
    if to.day is None:
        return kept.start_time + (to.offset or timedelta())
    zone = ZoneInfo(to.time_zone or kept.time_zone)
    local = kept.start_time.astimezone(zone)
    wanted = datetime.combine(to.day, local.time(), tzinfo=zone).replace(fold=0)
    start = wanted.astimezone(UTC)
    exists = start.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None)
    return start if exists else None


def _day(given: str, problems: Problems) -> date | None:
    try:
        found = date.fromisoformat(given)
    except ValueError:
        problems.add("day", "not a date such as 2026-05-31")
        return None
    return found if _check_year(found, "day", problems) else None
