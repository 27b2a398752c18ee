"""How often something recurs: the form's fields and RRULEs say the same, both ways."""

import re
from datetime import date, datetime, time
from itertools import islice

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as some

from services.gateway.web import recurrences
from services.gateway.web.recurrences import WEEKDAYS, Recurrence

NINE = time(9)
START = datetime(2026, 1, 30, 9)  # noqa: DTZ001 (wall-clock)


@some.composite
def shown(draw: some.DrawFn) -> Recurrence:
    """Whatever the form can show."""
    every = draw(some.sampled_from(recurrences.EVERY[:4]))
    ends = draw(some.sampled_from(["never", "until", "count"]))
    days = draw(some.sets(some.sampled_from(WEEKDAYS))) if every == "weekly" else set()
    month_days = some.none() | some.sampled_from(recurrences.MONTH_DAYS)
    until = some.dates(date(2000, 1, 1), date(2100, 12, 31))
    return Recurrence(
        every,
        interval=draw(some.integers(1, recurrences.MOST_INTERVAL)),
        weekdays=tuple(it for it in WEEKDAYS if it in days),
        month_day=draw(month_days) if every == "monthly" else None,
        until=draw(until) if ends == "until" else None,
        count=draw(some.integers(1, recurrences.MOST_COUNT)) if ends == "count" else None,
    )


def times(rule: str) -> list[datetime]:
    """The first times of a rule, by a library that knows nothing of ours."""
    # A date means its whole day to interactions, and its first moment to the library.
    whole_day = re.sub(r"(UNTIL=\d{8})(?!\d|T)", r"\1T235959", rule)
    return list(islice(rrulestr(whole_day, dtstart=START), 30))


class TestRoundTrip:
    @given(shown())
    def test_what_the_form_holds_comes_back_from_its_rule(self, held: Recurrence) -> None:
        assert recurrences.read(recurrences.rrule(held), NINE) == held

    @pytest.mark.parametrize(
        "rule",
        [
            *("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=TH,MO;INTERVAL=2", "FREQ=MONTHLY;BYMONTHDAY=-1"),
            *("FREQ=YEARLY;COUNT=3", "freq=monthly;bymonthday=31", "RRULE:FREQ=DAILY;COUNT=5"),
            *("FREQ=DAILY;UNTIL=20260210T090000", "FREQ=DAILY;UNTIL=20260210T085959"),
            *("FREQ=DAILY;UNTIL=20260210T235959", "FREQ=DAILY;UNTIL=20260210"),
        ],
    )
    def test_a_rule_that_is_shown_gives_the_same_times_again(self, rule: str) -> None:
        held = recurrences.read(rule, NINE)

        assert held.every != "own"
        assert times(recurrences.rrule(held)) == times(rule)

    @pytest.mark.parametrize(
        "rule",
        [
            *("FREQ=MONTHLY;BYDAY=-1FR", "FREQ=DAILY;BYHOUR=9,15", "FREQ=YEARLY;BYMONTH=2"),
            *("FREQ=MONTHLY;BYMONTHDAY=1,15", "FREQ=MONTHLY;BYMONTHDAY=-2", "FREQ=HOURLY"),
            *("FREQ=WEEKLY;BYDAY=1MO", "FREQ=WEEKLY;WKST=SU;INTERVAL=2", "FREQ=DAILY;BYDAY=MO"),
            *("FREQ=DAILY;UNTIL=20260210T090000Z", "FREQ=DAILY;COUNT=2;UNTIL=20260210"),
            *("FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=1001", "FREQ=DAILY;COUNT=10001"),
            *("FREQ=DAILY;UNTIL=20261399", "FREQ=DAILY;COUNT=x", "FREQ=DAILY;FREQ=DAILY"),
            *("FREQ=OWN", "COUNT=3", "every day", ""),
        ],
    )
    def test_what_the_form_cannot_show_stays_as_it_is(self, rule: str) -> None:
        held = recurrences.read(rule, NINE)

        assert held == Recurrence("own", own=rule)
        assert recurrences.rrule(held) == rule


class TestLastDay:
    @pytest.mark.parametrize(
        ("until", "last"),
        [
            ("20260210T090000", date(2026, 2, 10)),
            ("20260210T085959", date(2026, 2, 9)),
            ("20260210", date(2026, 2, 10)),
        ],
    )
    def test_it_is_the_last_that_has_a_time(self, until: str, last: date) -> None:
        assert recurrences.read(f"FREQ=DAILY;UNTIL={until}", NINE).until == last


class TestLeftOut:
    def test_a_day_stays_left_out_when_the_time_of_day_changes(self) -> None:
        left_out = ["2026-02-01T09:00:00", "2026-02-02T15:00:00"]

        moved = recurrences.carried(left_out, "2026-01-30T09:00:00", "2026-03-01T10:30:00")

        assert moved == ["2026-02-01T10:30:00", "2026-02-02T15:00:00"]
