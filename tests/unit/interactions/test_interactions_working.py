"""Working hours: what is outside them, and when the next begin."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from services.interactions.domain import working
from services.interactions.domain.working import Hours, Interval, Outside

ZONE = "Asia/Ho_Chi_Minh"
WEEK = Hours(
    zone=ZONE,
    intervals=(
        *(Interval(day, time(13, 30), time(17, 30)) for day in range(1, 6)),
        *(Interval(day, time(8), time(12)) for day in range(1, 7)),
    ),
    holidays={date(2026, 9, 2): "Quốc khánh"},
)
"""Weekdays with a break, and the morning of Saturday; the 2nd of September is a Wednesday."""


def at(day: int, clock: str) -> datetime:
    """An instant of 2026 by the clock of Vietnam, seven hours ahead."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 9, day, hour, minute, tzinfo=UTC) - timedelta(hours=7)


@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        ((3, "08:00"), (3, "12:00"), None),
        ((3, "17:00"), (3, "17:30"), None),
        ((3, "11:30"), (3, "12:01"), Outside.HOURS),
        ((3, "11:30"), (3, "14:00"), Outside.HOURS),  # the break
        ((3, "07:59"), (3, "08:30"), Outside.HOURS),
        ((3, "17:00"), (4, "09:00"), Outside.HOURS),
        ((2, "09:00"), (2, "09:30"), Outside.HOLIDAY),
        ((6, "09:00"), (6, "09:30"), Outside.DAY_OFF),
        ((5, "14:00"), (5, "14:30"), Outside.HOURS),
    ],
)
def test_what_is_outside(start: tuple[int, str], end: tuple[int, str], why: Outside) -> None:
    assert working.outside(WEEK, at(*start), at(*end)) == why


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ((3, "09:15"), (3, "09:15")),
        ((3, "06:00"), (3, "08:00")),
        ((3, "12:00"), (3, "13:30")),
        ((3, "17:30"), (4, "08:00")),
        ((1, "18:00"), (3, "08:00")),  # over the holiday
        ((5, "12:00"), (7, "08:00")),  # over Saturday afternoon and Sunday
        ((2, "09:00"), (3, "08:00")),
    ],
)
def test_the_next_working_time(moment: tuple[int, str], expected: tuple[int, str]) -> None:
    assert working.next_time(WEEK, at(*moment)) == at(*expected)


def test_where_no_hours_are_known_any_time_is_as_good() -> None:
    nothing = Hours(holidays={date(2026, 9, 2): ""})

    assert working.outside(nothing, at(2, "03:00"), at(2, "04:00")) is None
    assert working.next_time(nothing, at(2, "03:00")) == at(2, "03:00")


def test_clocks_that_change_leave_the_hour_as_it_is() -> None:
    # Clocks in Berlin went forward on Sunday the 29th of March 2026, from +1 to +2.
    berlin = Hours(zone="Europe/Berlin", intervals=(Interval(1, time(9), time(17)),))

    friday = datetime(2026, 3, 27, 10, tzinfo=UTC)
    assert working.next_time(berlin, friday) == datetime(2026, 3, 30, 7, tzinfo=UTC)
