"""Rules of recurrence that are refused, each with its reason."""

# ruff: noqa: DTZ001 (wall-clock times)

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.interactions.domain import recurrence, rrule
from services.interactions.domain.rrule import RuleRefused

SAIGON, NEW_YORK = "Asia/Ho_Chi_Minh", "America/New_York"
MORNING = datetime(2026, 3, 2, 9)


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
