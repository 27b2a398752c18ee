"""Series: occurrences that are skipped, and changes from one on."""

from datetime import datetime, timedelta
from typing import Any

from crm.interactions.v1 import series_service_pb2 as pb2
from crm.interactions.v1.series_pb2 import AfterOrderRule, Series
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from tests.integration.interactions.house import stamp
from tests.integration.interactions.series_parts import (
    ACTIVE,
    AHEAD,
    ENDED,
    at,
    change,
    make,
    move,
    planned,
    rule,
    times,
)
from tests.integration.serving import refused


class TestSkip:
    async def skip(self, house: Any, series_id: str, time: datetime) -> Any:
        request = pb2.SkipOccurrenceRequest(id=series_id, recurrence_time=stamp(time))
        return await house.series().SkipOccurrence(request)

    async def test_one_time_is_left_out_for_good(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=3"))

        after = await self.skip(house, made.id, at(1))
        again = await self.skip(house, made.id, at(1))
        await change(house, Series(id=made.id, title="Mới"), "title")

        left_out = (AHEAD + timedelta(days=1)).isoformat()
        assert after == again
        assert list(after.calendar.exceptions) == [left_out]
        assert await times(house) == [at(0), at(2)]

    async def test_one_not_planned_yet_is_left_out_too(self, house: Any) -> None:
        made = await make(house)
        beyond = at(70)

        after = await self.skip(house, made.id, beyond)

        assert len(after.calendar.exceptions) == 1

    async def test_what_is_no_time_of_it_is_refused(self, house: Any) -> None:
        made = await make(house)
        by_order = await make(house, after_order=AfterOrderRule(days=3, time_of_day="09:00"))

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await self.skip(house, made.id, at(1) + timedelta(minutes=1))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as none:
            await house.series().SkipOccurrence(pb2.SkipOccurrenceRequest(id=made.id))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as absurd:
            time = Timestamp(seconds=10**15)
            request = pb2.SkipOccurrenceRequest(id=made.id, recurrence_time=time)
            await house.series().SkipOccurrence(request)
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await self.skip(house, by_order.id, at(1))

        assert refusal.fields() == none.fields() == absurd.fields() == ["recurrence_time"]


class TestSplit:
    async def split(self, house: Any, series_id: str, time: datetime, **given: Any) -> Any:
        request = pb2.SplitSeriesRequest(
            id=series_id, recurrence_time=stamp(time), series=Series(**given)
        )
        return await house.series().SplitSeries(request)

    async def test_this_and_following_go_another_way(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=6"))
        listed = await planned(house, made.id)
        await move(house, listed[4], timedelta(hours=2))

        new = await self.split(house, made.id, at(3), title="Từ nay")

        old = await house.series().GetSeries(pb2.GetSeriesRequest(id=made.id))
        until = AHEAD + timedelta(days=2)
        assert old.calendar.rrule == f"FREQ=DAILY;UNTIL={until:%Y%m%dT%H%M%S}"
        assert (old.state, new.state) == (ENDED, ENDED)  # all of both is planned
        assert new.previous_series_id == made.id
        assert new.calendar.rrule == "FREQ=DAILY;COUNT=3"
        assert await times(house, made.id) == [at(0), at(1), at(2)]
        assert await times(house, new.id) == [at(3), at(4), at(5)]
        titles = [it.title for it in await planned(house, new.id)]
        assert titles == ["Từ nay", "Hỏi thăm", "Từ nay"]  # the moved one stays as it is

    async def test_a_new_rule_replaces_the_rest(self, house: Any) -> None:
        made = await make(house)
        evening = (AHEAD + timedelta(days=3)).replace(hour=18)

        new = await self.split(house, made.id, at(3), calendar=rule("FREQ=DAILY;COUNT=2", evening))

        assert await times(house, made.id) == [at(0), at(1), at(2)]
        assert await times(house, new.id) == [
            at(3) + timedelta(hours=9),
            at(4) + timedelta(hours=9),
        ]

    async def test_one_beyond_the_horizon_waits_for_both(self, house: Any) -> None:
        made = await make(house)
        before = await times(house)

        new = await self.split(house, made.id, at(80))

        old = await house.series().GetSeries(pb2.GetSeriesRequest(id=made.id))
        assert (old.state, new.state) == (ACTIVE, ACTIVE)
        assert await times(house) == before

    async def test_the_first_and_what_is_no_time_are_refused(self, house: Any) -> None:
        made = await make(house)

        for time in (at(0), at(1) + timedelta(minutes=1)):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await self.split(house, made.id, time)

            assert refusal.fields() == ["recurrence_time"]
