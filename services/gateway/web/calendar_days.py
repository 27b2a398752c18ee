"""The days that a calendar shows, and what lies on each of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from crm.interactions.v1 import calendar_pb2, follow_up_pb2

View = Literal["month", "week", "day"]
VIEWS: tuple[View, ...] = ("month", "week", "day")
EARLIEST, LATEST = date(1971, 1, 1), date(2199, 12, 31)
USUAL_HOURS = range(8, 18)
MOVABLE = (follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED, follow_up_pb2.FOLLOW_UP_STATUS_OPEN)

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Placed:
    """A follow-up on one day: `start` and `end` in the reader's zone; `begins` on this day."""

    entry: calendar_pb2.CalendarEntry
    start: datetime
    end: datetime
    begins: bool

    @property
    def movable(self) -> bool:
        """Whether it is not closed."""
        return self.entry.status in MOVABLE

    @property
    def hour(self) -> int:
        """The hour it lies in on this day; one that began before is in the first."""
        return self.start.hour if self.begins else 0


@dataclass(frozen=True)
class Day:
    """One day; `outside` belongs to the month before or after the one shown."""

    date: date
    today: bool
    outside: bool
    placed: Sequence[Placed]

    def at(self, hour: int) -> list[Placed]:
        """Return what begins in an hour of the day."""
        return [it for it in self.placed if it.hour == hour]


def days_of(view: View, chosen: date) -> list[date]:
    """Return the days that a view shows; weeks begin on Monday and are whole."""
    if view == "day":
        return [chosen]
    first, last = chosen, chosen
    if view == "month":
        first = chosen.replace(day=1)
        last = (first + 31 * _DAY).replace(day=1) - _DAY
    first -= first.weekday() * _DAY
    last += (6 - last.weekday()) * _DAY
    return [first + at * _DAY for at in range((last - first).days + 1)]


def turned(view: View, chosen: date, pages: int) -> date:
    """Return the day to open for so many pages on, or back if negative; never beyond the ends."""
    if view == "month":
        month = chosen.year * 12 + chosen.month - 1 + pages
        turned_to = date(month // 12, month % 12 + 1, 1)
    else:
        turned_to = chosen + pages * (7 * _DAY if view == "week" else _DAY)
    return min(max(turned_to, EARLIEST), LATEST)


def read_day(text: str, otherwise: date) -> date:
    """Return the day of an address; `otherwise` for one that is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return otherwise
    return found if EARLIEST <= found <= LATEST else otherwise


def bounds(days: Sequence[date], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when these days begin and end, in UTC."""
    first = datetime.combine(days[0], time(), tzinfo=zone)
    end = datetime.combine(days[-1] + _DAY, time(), tzinfo=zone)
    return first.astimezone(UTC), end.astimezone(UTC)


def laid_out(
    days: Iterable[date],
    entries: Iterable[calendar_pb2.CalendarEntry],
    zone: ZoneInfo,
    today: date,
    month: int | None,
) -> list[Day]:
    """Return the days with what lies on each, by time; what lasts for days is on each of them.

    `month` tells which days are outside of the one shown; None for none.
    """
    on: dict[date, list[Placed]] = {day: [] for day in days}
    for entry in entries:
        start = entry.start_time.ToDatetime(tzinfo=UTC).astimezone(zone)
        end = entry.end_time.ToDatetime(tzinfo=UTC).astimezone(zone)
        # What ends at midnight does not lie on the day that begins then.
        last = max(start, end - timedelta(microseconds=1)).date()
        for day in on:
            if start.date() <= day <= last:
                on[day].append(Placed(entry, start, end, start.date() == day))
    return [
        Day(day, day == today, month is not None and day.month != month, placed)
        for day, placed in on.items()
    ]


def hours(days: Iterable[Day]) -> range:
    """Return the hours to show: those of a working day, and whatever lies outside of them."""
    used = [it.hour for day in days for it in day.placed]
    return range(min([USUAL_HOURS.start, *used]), max([USUAL_HOURS.stop, *(it + 1 for it in used)]))


def local_start(day: date, hour: int, minute: int, zone: ZoneInfo) -> datetime | None:
    """Return a local time in UTC, the first of two; None where the clocks leave it out."""
    wanted = datetime.combine(day, time(hour, minute), tzinfo=zone)
    found = wanted.astimezone(UTC)
    back = found.astimezone(zone)
    return found if back.replace(tzinfo=None) == wanted.replace(tzinfo=None) else None


def people(entries: Iterable[calendar_pb2.CalendarEntry]) -> list[str]:
    """Return the contacts of entries that have one."""
    return [it.contact_ids[0] for it in entries if it.contact_ids]
