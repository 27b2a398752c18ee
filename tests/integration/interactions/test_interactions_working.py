"""Working hours: kept for the organisation or a team, warned by, and moved by."""

from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import calendar_service_pb2, working_hours_pb2
from crm.interactions.v1 import working_hours_service_pb2 as pb2
from crm.interactions.v1.series_pb2 import AfterOrderRule
from google.protobuf.field_mask_pb2 import FieldMask

from chassis import errors
from tests.integration.interactions import test_interactions_expansion as expansion
from tests.integration.interactions.house import person, stamp
from tests.integration.interactions.series_parts import AHEAD, at, make, planned
from tests.integration.serving import refused

ALL_WEEK = [(day, "08:00", "17:30") for day in range(1, 8)]
HOURS = working_hours_pb2.OUTSIDE_REASON_HOURS
HOLIDAY = working_hours_pb2.OUTSIDE_REASON_HOLIDAY


def given(intervals: Any = ALL_WEEK, holidays: Any = (), **more: Any) -> Any:
    made = working_hours_pb2.WorkingHours(**more)
    for weekday, start, end in intervals:
        made.intervals.add(weekday=weekday, start=start, end=end)
    for day in holidays:
        made.holidays.add(date=day, name="Nghỉ")
    return made


async def update(house: Any, hours: Any, who: Any = None, *paths: str) -> Any:
    mask = FieldMask(paths=paths or ("time_zone", "intervals", "holidays"))
    request = pb2.UpdateWorkingHoursRequest(working_hours=hours, update_mask=mask)
    return await house.working_hours(who or person()).UpdateWorkingHours(request)


async def get(house: Any, team: str = "") -> Any:
    return await house.working_hours().GetWorkingHours(pb2.GetWorkingHoursRequest(team_id=team))


class TestKeeping:
    async def test_a_team_has_its_own_or_those_of_the_organisation(self, house: Any) -> None:
        team = str(uuid4())
        assert (await get(house)).revision == 0
        await update(house, given(holidays=["2026-09-02", "2026-01-01"]))
        assert (await get(house, team)).team_id == ""

        own = await update(house, given([(1, "09:00", "10:00")], team_id=team))

        assert await get(house, team) == own
        kept = await get(house)
        assert [it.date for it in kept.holidays] == ["2026-01-01", "2026-09-02"]
        assert (kept.time_zone, len(kept.intervals)) == ("Asia/Ho_Chi_Minh", 7)

    async def test_a_field_alone_leaves_the_others(self, house: Any) -> None:
        await update(house, given(holidays=["2026-09-02"]))

        after = await update(house, given([], ["2027-09-02"]), None, "holidays")

        assert [it.date for it in after.holidays] == ["2027-09-02"]
        assert len(after.intervals) == 7

    async def test_who_was_overtaken_reads_them_again(self, house: Any) -> None:
        first = await update(house, given())
        await update(house, given(etag=first.etag))

        with refused(errors.Aborted, "ETAG_STALE"):
            await update(house, given(etag=first.etag))

    async def test_only_whose_right_reaches_all_of_them_changes_them(self, house: Any) -> None:
        team = str(uuid4())
        await update(house, given(team_id=team), person("team", team))

        for hours, who in (
            (given(), person("team", team)),
            (given(team_id=str(uuid4())), person("team", team)),
            (given(team_id=team), person("own", team)),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await update(house, hours, who)

    @pytest.mark.parametrize(
        ("hours", "field"),
        [
            (given([(0, "08:00", "09:00")]), "intervals[0].weekday"),
            (given([(1, "8:00", "09:00")]), "intervals[0].start"),
            (given([(1, "09:00", "09:00")]), "intervals[0].end"),
            (given([(1, "09:00", "25:00")]), "intervals[0].end"),
            (given(ALL_WEEK * 5), "intervals"),
            (given(holidays=["2026-02-30"]), "holidays[0].date"),
            (given(holidays=["1999-01-01"]), "holidays[0].date"),
            (given(time_zone="Mars"), "time_zone"),
            (given(team_id="x"), "team_id"),
        ],
    )
    async def test_bad_fields_are_named(self, house: Any, hours: Any, field: str) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await update(house, hours)

        assert refusal.fields() == [f"working_hours.{field}"]


class TestWarning:
    async def check(self, house: Any, start: Any, who: Any = None) -> Any:
        request = calendar_service_pb2.CheckOverlapsRequest(start_time=stamp(start))
        return await house.calendar(who or person()).CheckOverlaps(request)

    async def test_a_call_outside_is_told_with_the_next_time_that_is_not(self, house: Any) -> None:
        day_after = (AHEAD + timedelta(days=1)).date().isoformat()
        await update(house, given(holidays=[day_after]))

        inside, early, holiday = [
            await self.check(house, at(0) + by)
            for by in (timedelta(), timedelta(hours=-2), timedelta(days=1))
        ]

        assert not inside.outside
        assert not inside.HasField("next_working_time")
        assert early.outside == HOURS
        assert early.next_working_time == stamp(at(0) - timedelta(hours=1))
        assert holiday.outside == HOLIDAY
        assert holiday.next_working_time == stamp(at(2) - timedelta(hours=1))


class TestMoving:
    async def test_what_a_business_rule_plans_begins_with_the_next_working_time(
        self, house: Any
    ) -> None:
        day = (AHEAD + timedelta(days=2)).date().isoformat()
        await update(house, given(holidays=[day]))
        contact = house.contact().id
        rule = AfterOrderRule(days=5, time_of_day="09:00")
        made = await make(house, contact_ids=[contact], after_order=rule)

        await expansion.TestAfterAnOrder().order(house, contact, at(-3))
        await update(house, given())
        await expansion.TestAfterAnOrder().order(house, contact, at(-30))

        [only] = await planned(house, made.id)
        assert only.recurrence_time == stamp(at(2))
        assert only.start_time.ToDatetime(tzinfo=UTC) == at(3) - timedelta(hours=1)
