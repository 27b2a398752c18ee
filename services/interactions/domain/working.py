"""When people work: by weekdays and hours of a zone's clock, but for holidays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.interactions.domain import fields, recurrence
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import DEFAULT_TIME_ZONE

MOST_INTERVALS = 28
MOST_HOLIDAYS = 1_000
LONGEST_NAME = 80
FIRST_YEAR, LAST_YEAR = 2000, 2100
FIELDS = ("time_zone", "intervals", "holidays")

_CLOCK = re.compile(r"\d{2}:\d{2}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# Nobody is away for longer: the search for the next working day ends.
_FARTHEST = 400


class Outside(StrEnum):
    """Why a time is no working time."""

    HOURS = "hours"
    DAY_OFF = "day_off"
    HOLIDAY = "holiday"


@dataclass(frozen=True, order=True)
class Interval:
    """A time of work each week; 1 is Monday."""

    weekday: int
    start: time
    end: time


@dataclass(frozen=True)
class Hours:
    """Those of a team, or of the organisation where `team_id` is None; holidays with their names.

    Without intervals nothing is known: any time is as good.
    """

    team_id: UUID | None = None
    revision: int = 0
    zone: str = DEFAULT_TIME_ZONE
    intervals: tuple[Interval, ...] = ()
    holidays: Mapping[date, str] | None = None
    update_time: datetime | None = None

    def on(self, day: date) -> list[Interval]:
        """Returns when people work on a day, in order."""
        if day in (self.holidays or {}):
            return []
        return sorted(it for it in self.intervals if it.weekday == day.isoweekday())


def outside(hours: Hours, start: datetime, end: datetime) -> Outside | None:
    """Returns why a stretch of time is not within one of working time, None where it is."""
    if not hours.intervals:
        return None
    first, last = (recurrence.wall_clock(it, hours.zone) for it in (start, end))
    if first.date() in (hours.holidays or {}):
        return Outside.HOLIDAY
    that_day = hours.on(first.date())
    if not that_day:
        return Outside.DAY_OFF
    if last.date() != first.date():
        return Outside.HOURS
    inside = any(it.start <= first.time() and last.time() <= it.end for it in that_day)
    return None if inside else Outside.HOURS


def next_time(hours: Hours, moment: datetime) -> datetime:
    """Returns the first working time from a moment on, which may be that moment.

    The moment itself where no hours are known, or none come within a year.
    """
    now = recurrence.wall_clock(moment, hours.zone)
    for ahead in range(_FARTHEST if hours.intervals else 0):
        day = now.date() + timedelta(days=ahead)
        for it in hours.on(day):
            if ahead or now.time() < it.end:
                return max(moment, recurrence.at_clock(day, it.start, hours.zone))
    return moment


def columns(given: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Returns the values for the fields that were given, and notes the bad ones."""
    made: dict[str, Any] = {}
    if "time_zone" in given:
        at = "working_hours.time_zone"
        made["zone"] = fields.time_zone(given["time_zone"], at, DEFAULT_TIME_ZONE, problems)
    if "intervals" in given:
        made["intervals"] = _intervals(given["intervals"], problems)
    if "holidays" in given:
        made["holidays"] = _holidays(given["holidays"], problems)
    return made


def _intervals(given: Sequence[tuple[int, str, str]], problems: Problems) -> tuple[Interval, ...]:
    field = "working_hours.intervals"
    if len(given) > MOST_INTERVALS:
        problems.add(field, f"more than {MOST_INTERVALS}")
    made: list[Interval] = []
    for at, (weekday, start, end) in enumerate(given[:MOST_INTERVALS]):
        if not 1 <= weekday <= 7:
            problems.add(f"{field}[{at}].weekday", "must be 1 to 7")
        begins = _clock(start, f"{field}[{at}].start", problems)
        ends = _clock(end, f"{field}[{at}].end", problems)
        if begins is None or ends is None:
            continue
        if ends <= begins:
            problems.add(f"{field}[{at}].end", "before the start")
        made.append(Interval(weekday, begins, ends))
    return tuple(made)


def _clock(given: str, field: str, problems: Problems) -> time | None:
    try:
        if not _CLOCK.fullmatch(given):
            raise ValueError(given)
        return time.fromisoformat(given)
    except ValueError:
        problems.add(field, "must be a time of day, as 09:00")
        return None


def _holidays(given: Sequence[tuple[str, str]], problems: Problems) -> dict[date, str]:
    field = "working_hours.holidays"
    if len(given) > MOST_HOLIDAYS:
        problems.add(field, f"more than {MOST_HOLIDAYS}")
    made: dict[date, str] = {}
    for at, (day, name) in enumerate(given[:MOST_HOLIDAYS]):
        told = fields.text(name, f"{field}[{at}].name", LONGEST_NAME, problems)
        try:
            if not _DATE.fullmatch(day):
                raise ValueError(day)
            read = date.fromisoformat(day)
        except ValueError:
            problems.add(f"{field}[{at}].date", "must be a day, as 2026-09-02")
            continue
        if not FIRST_YEAR <= read.year <= LAST_YEAR:
            problems.add(f"{field}[{at}].date", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
        made[read] = told
    return made
