"""Recurrence against python-dateutil's and recurring-ical-events' own answers, and its refusals."""

# ruff: noqa: DTZ001 (wall-clock times)

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from dateutil import rrule as library
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.interactions.domain import recurrence, rrule
from services.interactions.domain.recurrence import Calendar, Cursor
from services.interactions.domain.rrule import RuleRefused

SAIGON, NEW_YORK = "Asia/Ho_Chi_Minh", "America/New_York"
ZONES = (NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", SAIGON)
MORNING = datetime(2026, 3, 2, 9)

numbers = st.integers(-31, 31).filter(bool)


def several(values: Any, most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=most, unique=True).map(
        lambda found: ",".join(map(str, found))
    )


@st.composite
def rules(draw: st.DrawFn) -> str:
    """An RRULE of every frequency and part that is kept, which may give nothing."""
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    days = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
    if freq in ("MONTHLY", "YEARLY"):
        nth = st.integers(-5, 5).filter(bool)
        days = st.one_of(days, st.builds(lambda n, day: f"{n}{day}", nth, days))
    parts = {"BYDAY": several(days), "BYMONTH": several(st.integers(1, 12))}
    if freq != "WEEKLY":
        parts["BYMONTHDAY"] = several(numbers)
    if freq == "YEARLY":
        parts["BYYEARDAY"] = several(st.integers(-366, 366).filter(bool))
    parts["BYHOUR"] = several(st.integers(0, 23), 2)
    parts["BYMINUTE"] = several(st.sampled_from([0, 15, 30, 45]), 2)
    chosen = draw(st.lists(st.sampled_from(sorted(parts)), unique=True, max_size=3))
    said = [f"FREQ={freq}", *(f"{name}={draw(parts[name])}" for name in chosen)]
    if chosen and freq != "WEEKLY" and draw(st.booleans()):
        said.append(f"BYSETPOS={draw(several(st.integers(-3, 3).filter(bool), 2))}")
    if draw(st.booleans()):
        said.append(f"INTERVAL={draw(st.integers(1, 5))}")
    if draw(st.booleans()):
        said.append(f"WKST={draw(st.sampled_from(['MO', 'SU']))}")
    end = draw(st.sampled_from(["", "COUNT", "UNTIL"]))
    if end == "COUNT":
        said.append(f"COUNT={draw(st.integers(1, 40))}")
    if end == "UNTIL":
        said.append(f"UNTIL={draw(st.integers(2026, 2034))}0630T120000")
    return ";".join(said)


starts = st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31)).map(
    lambda it: it.replace(second=0, microsecond=0)
)


def near(text: str, start: datetime, most: int = 30, years: int = 20) -> list[datetime]:
    """The library's own naive answer, of some years after the start."""
    until = start + timedelta(days=years * 366)
    asked = library.rrulestr(text, dtstart=start)
    return list(takewhile(lambda it: it < until, islice(asked, most)))


# Rules that give nothing are left to `TestRefusals`: the library seeks them until the year 9999.
def kept(text: str, start: datetime, zone: str = SAIGON) -> Calendar | None:
    try:
        return recurrence.calendar(text, start, zone, [])
    except RuleRefused:
        return None


class TestAgainstDateutil:
    @settings(deadline=None, max_examples=80)
    @given(rules(), starts, st.sampled_from(ZONES))
    def test_every_rule_gives_the_same_instants(
        self, text: str, start: datetime, zone: str
    ) -> None:
        rule = kept(text, start, zone)
        assume(rule is not None)
        assert rule is not None
        expected = near(text, start)
        # Independent of the code under test: wall-clock times, read by zoneinfo.
        moments = [it.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for it in expected]
        since = moments[0] - timedelta(days=3) if moments else datetime(2024, 1, 1, tzinfo=UTC)

        found = recurrence.occurrences(rule, since, 20)

        assert [it for it, _ in found][: len(set(moments))] == sorted(set(moments))[:20]

    @settings(deadline=None, max_examples=50)
    @given(rules(), starts, st.sampled_from(ZONES), st.integers(1, 12))
    def test_planning_in_slices_loses_and_doubles_nothing(
        self, text: str, start: datetime, zone: str, most: int
    ) -> None:
        rule = kept(text, start, zone)
        assume(rule is not None)
        assert rule is not None
        end = recurrence.instant(start, zone) + timedelta(days=400)
        whole = [
            moment
            for it in near(text, start, 4_000, years=2)
            if (moment := it.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)) < end
        ]
        ever = datetime(2000, 1, 1, tzinfo=UTC)
        at, horizon = recurrence.cursor(rule, ever), recurrence.instant(start, zone)
        found: list[datetime] = []
        while at is not None and horizon < end:
            part = recurrence.plan(rule, at, ever, horizon, most)
            found, at = [*found, *part.times], part.cursor
            if not part.times:
                horizon = min(horizon + timedelta(days=13), end)
        while at is not None and (part := recurrence.plan(rule, at, ever, end, most)).times:
            found, at = [*found, *part.times], part.cursor

        assert sorted(set(found)) == sorted(set(whole))

    @settings(deadline=None, max_examples=50)
    @given(rules(), starts, st.integers(1, 25))
    def test_two_parts_are_the_whole(self, text: str, start: datetime, place: int) -> None:
        rule = kept(text, start)
        assume(rule is not None)
        assert rule is not None
        whole = near(text, start, 40)
        assume(len(whole) > place)

        parts = recurrence.split(rule, whole[place])

        assert parts is not None
        before, after = parts
        listed = [*before.rule.times(before.start)]
        assert listed == whole[:place]
        assert list(islice(after.rule.times(after.start), len(whole) - place)) == whole[place:]
        again = rrule.read(before.rule.text(), SAIGON)
        assert list(again.times(before.start)) == listed


class TestDays:
    # What is rare among generated rules: sieves of days, and places in a set.
    @pytest.mark.parametrize(
        "text",
        [
            "FREQ=DAILY;BYDAY=MO,FR;BYMONTH=1,7",
            "FREQ=DAILY;INTERVAL=3;BYMONTHDAY=1,15,-1",
            "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29",
            "FREQ=DAILY;BYHOUR=9,15;BYDAY=TU;BYSETPOS=-1",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=YEARLY;BYMONTH=3,9;BYDAY=SU;BYSETPOS=-1",
            "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO",
            "FREQ=YEARLY;BYYEARDAY=-1,60,366",
        ],
    )
    @pytest.mark.parametrize("zone", ZONES)
    def test_the_same_as_the_library(self, text: str, zone: str) -> None:
        rule = recurrence.calendar(text, MORNING, zone, [])
        expected = list(islice(library.rrulestr(text, dtstart=MORNING), 40))

        found = recurrence.occurrences(rule, datetime(2026, 1, 1, tzinfo=UTC), 40)

        zoned = [it.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for it in expected]
        assert [it for it, _ in found] == zoned


class TestAgainstRecurringIcalEvents:
    @pytest.mark.parametrize("zone", ZONES)
    @pytest.mark.parametrize(
        ("text", "start"),
        [
            ("FREQ=DAILY", datetime(2026, 3, 1, 2, 30)),
            ("FREQ=DAILY;COUNT=400", datetime(2026, 1, 1, 1, 45)),
            ("FREQ=WEEKLY;BYDAY=SU,WE", datetime(2026, 3, 1, 2, 15)),
            ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,SU", datetime(2026, 3, 2, 9)),
            ("FREQ=MONTHLY;BYMONTHDAY=31", datetime(2026, 1, 31, 23, 30)),
            ("FREQ=MONTHLY;BYDAY=-1FR", datetime(2026, 1, 30, 17)),
            ("FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20270930T235959Z", datetime(2026, 1, 31, 8)),
            ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", datetime(2024, 2, 29, 9)),
            ("FREQ=YEARLY", datetime(2024, 2, 29, 9)),
            ("FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", datetime(2026, 3, 8, 2, 30)),
            ("FREQ=YEARLY;BYMONTH=11;BYDAY=1SU", datetime(2026, 11, 1, 1, 30)),
        ],
    )
    def test_a_calendar_program_shows_the_same(self, text: str, start: datetime, zone: str) -> None:
        left_out = start + timedelta(days=7)
        rule = recurrence.calendar(text, start, zone, [left_out])
        until = datetime(2029, 1, 1, tzinfo=UTC)

        found = [it for it, _ in recurrence.occurrences(rule, utc(start, zone), 5_000)]

        shown = shown_by_another(text, start, zone, left_out, until)
        # Also what moves forward out of a gap: see `test_a_gap_moves_forward`.
        assert [it for it in found if it < until] == shown


def utc(local: datetime, zone: str) -> datetime:
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def shown_by_another(
    text: str, start: datetime, zone: str, left_out: datetime, until: datetime
) -> Sequence[datetime]:
    event = icalendar.Event()
    event.add("uid", "one")
    event.add("dtstart", start.replace(tzinfo=ZoneInfo(zone)))
    event.add("exdate", left_out.replace(tzinfo=ZoneInfo(zone)))
    event.add("rrule", icalendar.vRecur.from_ical(text))
    program = icalendar.Calendar()
    program.add_component(event)
    listed = recurring_ical_events.of(program).between(utc(start, zone), until)
    return sorted(it["DTSTART"].dt.astimezone(UTC) for it in listed)


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


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            (" ", "is required"),
            ("x" * 501, "longer than 500"),
            ("FREQ=SECONDLY", "too often"),
            ("FREQ=MINUTELY", "too often"),
            ("FREQ=HOURLY", "too often"),
            ("FREQ=FORTNIGHTLY", "needs FREQ"),
            ("BYDAY=MO", "needs FREQ"),
            ("FREQ=DAILY;FREQ=DAILY", "says FREQ twice"),
            ("FREQ=DAILY;;COUNT=2", "is not NAME=VALUE"),
            ("FREQ=DAILY;COUNT=", "is not NAME=VALUE"),
            ("FREQ=DAILY;BYEASTER=1", "'BYEASTER' is no part"),
            ("DTSTART:20260101\nRRULE:FREQ=DAILY", "holds DTSTART or TZID"),
            ("FREQ=DAILY;TZID=UTC", "holds DTSTART or TZID"),
            ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be"),
            ("FREQ=DAILY;INTERVAL=1001", "INTERVAL must be"),
            ("FREQ=DAILY;COUNT=0", "COUNT must be"),
            ("FREQ=DAILY;COUNT=10001", "COUNT must be"),
            ("FREQ=DAILY;COUNT=²", "COUNT must be"),
            ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "both COUNT and UNTIL"),
            ("FREQ=DAILY;UNTIL=soon", "UNTIL must be"),
            ("FREQ=DAILY;UNTIL=20260231", "UNTIL must be"),
            ("FREQ=DAILY;UNTIL=99991231T235959Z", "UNTIL must be"),
            ("FREQ=DAILY;BYHOUR=24", "BYHOUR must be"),
            ("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8", "gives 9 times a day"),
            ("FREQ=DAILY;BYMONTH=13", "BYMONTH must be"),
            ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY cannot be 0"),
            ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY does not go"),
            ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY with a number"),
            ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY cannot be 0"),
            ("FREQ=MONTHLY;BYDAY=99MO", "BYDAY must be"),
            ("FREQ=MONTHLY;BYDAY=XX", "BYDAY must be"),
            ("FREQ=YEARLY;BYWEEKNO=2;BYDAY=1MO", "does not go with BYWEEKNO"),
            ("FREQ=MONTHLY;BYWEEKNO=2", "BYWEEKNO goes with"),
            ("FREQ=MONTHLY;BYYEARDAY=2", "BYYEARDAY goes with"),
            ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS needs"),
            ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=2", "BYSETPOS does not go with FREQ=WEEKLY"),
            ("FREQ=WEEKLY;WKST=1", "WKST must be"),
        ],
    )
    def test_each_says_why(self, text: str, why: str) -> None:
        with pytest.raises(RuleRefused, match=why):
            rrule.read(text, SAIGON)

    @pytest.mark.parametrize(
        "text",
        [
            "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=MONTHLY;BYMONTH=2;BYSETPOS=8",
            "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
            "FREQ=YEARLY;INTERVAL=2;BYYEARDAY=366;BYMONTH=1",
            "FREQ=DAILY;INTERVAL=7;BYDAY=SA",
        ],
    )
    def test_one_that_never_comes_is_known_as_such(self, text: str) -> None:
        with pytest.raises(RuleRefused, match="gives no time"):
            recurrence.calendar(text, MORNING, SAIGON, [])

    def test_an_end_before_the_start(self) -> None:
        with pytest.raises(RuleRefused, match="ends before its start"):
            recurrence.calendar("FREQ=DAILY;UNTIL=20260301", MORNING, SAIGON, [])

    def test_a_start_out_of_all_proportion(self) -> None:
        for year in (1999, 2101):
            with pytest.raises(recurrence.StartRefused, match="years 2000 to 2100"):
                recurrence.calendar("FREQ=DAILY", MORNING.replace(year=year), SAIGON, [])

    @settings(deadline=None)
    @given(st.text(max_size=60))
    def test_no_text_does_worse_than_be_refused(self, text: str) -> None:
        for said in (text, f"FREQ=DAILY;{text}"):
            with suppress(RuleRefused):
                assert rrule.read(said, SAIGON).text()
