"""Recurrence against python-dateutil's and recurring-ical-events' own answers."""

# ruff: noqa: DTZ001 (wall-clock times)

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
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
from services.interactions.domain.recurrence import Calendar
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
