"""Recurrence where clocks change, with exceptions, and to its end."""

# ruff: noqa: DTZ001 (wall-clock times)

from datetime import UTC, datetime, time, timedelta

import pytest

from services.interactions.domain import recurrence, rrule
from services.interactions.domain.recurrence import Cursor
from services.interactions.domain.rrule import RuleRefused

SAIGON, NEW_YORK = "Asia/Ho_Chi_Minh", "America/New_York"
MORNING = datetime(2026, 3, 2, 9)


class TestClocksThatChange:
    def test_nine_stays_nine(self) -> None:
        rule = recurrence.calendar("FREQ=DAILY;COUNT=3", datetime(2026, 3, 7, 9), NEW_YORK, [])

        found = recurrence.occurrences(rule, datetime(2026, 1, 1, tzinfo=UTC), 9)

        assert [it.hour for it, _ in found] == [14, 13, 13]

    def test_a_gap_moves_forward(self) -> None:
        gap = recurrence.instant(datetime(2026, 3, 8, 2, 30), NEW_YORK)
        half_an_hour = recurrence.instant(datetime(2026, 10, 4, 2, 10), "Australia/Lord_Howe")

        assert recurrence.wall_clock(gap, NEW_YORK) == datetime(2026, 3, 8, 3, 30)
        shown = recurrence.wall_clock(half_an_hour, "Australia/Lord_Howe")
        assert shown == datetime(2026, 10, 4, 2, 40)

    def test_what_exists_twice_is_the_first(self) -> None:
        twice = recurrence.instant(datetime(2026, 11, 1, 1, 30), NEW_YORK)

        assert twice == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # summer time still

    def test_two_that_fall_together_are_one(self) -> None:
        text = "FREQ=DAILY;BYHOUR=2,3;COUNT=6"
        rule = recurrence.calendar(text, datetime(2026, 3, 7, 2, 30), NEW_YORK, [])

        found = recurrence.occurrences(rule, datetime(2026, 3, 1, tzinfo=UTC), 9)

        moment = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
        assert len(found) == 5
        assert [local.hour for local, _ in recurrence.locals_at(rule, moment)] == [2, 3]

    def test_days_after_an_order_are_counted_by_the_zones_calendar(self) -> None:
        late = datetime(2026, 3, 1, 18, tzinfo=UTC)  # one o'clock of the next day in Vietnam

        due = recurrence.days_after(late, 3, time(9), SAIGON)

        assert due == datetime(2026, 3, 5, 2, tzinfo=UTC)


class TestExceptions:
    def test_they_are_left_out_and_count(self) -> None:
        second = MORNING + timedelta(days=1)
        rule = recurrence.calendar("FREQ=DAILY;COUNT=3", MORNING, SAIGON, [second])

        found = recurrence.occurrences(rule, datetime(2026, 1, 1, tzinfo=UTC), 9)
        part = recurrence.plan(
            rule,
            Cursor(MORNING, 0),
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2027, 1, 1, tzinfo=UTC),
            9,
        )

        assert [local for _, local in found] == [MORNING, MORNING + timedelta(days=2)]
        assert part.times == [moment for moment, _ in found]
        assert (part.cursor, part.due) == (None, None)

    def test_a_rule_of_which_nothing_is_left_is_refused(self) -> None:
        with pytest.raises(RuleRefused, match="gives no time"):
            recurrence.calendar("FREQ=DAILY;COUNT=1", MORNING, SAIGON, [MORNING])


class TestEnds:
    def test_a_date_is_its_whole_day_and_a_utc_time_is_understood_in_the_zone(self) -> None:
        by_date = rrule.read("FREQ=DAILY;UNTIL=20260303", SAIGON)
        by_time = rrule.read("FREQ=DAILY;UNTIL=20260303T020000Z", SAIGON)
        too_soon = rrule.read("FREQ=DAILY;UNTIL=20260303T015959Z", SAIGON)

        assert len(list(by_date.times(MORNING))) == 2
        assert len(list(by_time.times(MORNING))) == 2
        assert len(list(too_soon.times(MORNING))) == 1

    def test_one_without_an_end_ends_the_search_by_itself(self) -> None:
        yearly = rrule.read("FREQ=YEARLY", SAIGON)

        assert 200 < len(list(yearly.times(MORNING))) < 300

    def test_a_text_is_written_as_it_was_read(self) -> None:
        for text in ("FREQ=WEEKLY;BYDAY=MO,FR;INTERVAL=2;COUNT=5", "FREQ=DAILY"):
            assert rrule.read(text, SAIGON).text() == text
            assert rrule.read(f"rrule:{text.lower()}", SAIGON).text() == text
