"""Moving many follow-ups at once: all or none, and who may."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from crm.interactions.v1 import calendar_service_pb2 as pb2
from crm.interactions.v1 import follow_up_pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_service
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import text

from chassis import errors
from tests.integration.interactions.house import NOON, SERVICE, person, stamp
from tests.integration.serving import refused

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class TestReschedule:
    async def move(self, house: Any, made: Any, who: Any = SERVICE, **to: Any) -> Any:
        moves = [pb2.FollowUpMove(id=it.id, etag=it.etag) for it in made]
        request = pb2.RescheduleFollowUpsRequest(follow_ups=moves, **to)
        return await house.calendar(who).RescheduleFollowUps(request)

    async def starts(self, house: Any) -> list[datetime]:
        async with house.sessions.begin() as session:
            query = text("SELECT start_time FROM follow_ups ORDER BY id")
            return list((await session.execute(query)).scalars())

    async def test_all_are_moved_by_as_much_and_keep_their_length(self, house: Any) -> None:
        contact = house.contact().id
        first = await house.plan(contact, end_time=stamp(NOON + 2 * HOUR))
        second = await house.plan(contact, start_time=stamp(NOON + 5 * HOUR))

        moved = await self.move(house, [second, first], offset=Duration(seconds=3600 * 24))

        assert [it.id for it in moved.entries] == [second.id, first.id]
        assert {it.etag for it in moved.entries} == {"2"}
        assert moved.entries[1].end_time == stamp(NOON + DAY + 2 * HOUR)
        assert await self.starts(house) == [NOON + DAY, NOON + DAY + 5 * HOUR]

    async def test_to_a_day_they_keep_their_local_times(self, house: Any) -> None:
        contact = house.contact().id
        # 09:00 in Berlin: in winter 08:00 UTC, on the day after the clocks change 07:00.
        winter = datetime(2026, 3, 27, 8, tzinfo=UTC)
        berlin = await house.plan(contact, start_time=stamp(winter), time_zone="Europe/Berlin")
        # 00:30 in Vietnam is the evening before in UTC.
        night = datetime(2026, 3, 26, 17, 30, tzinfo=UTC)
        saigon = await house.plan(contact, start_time=stamp(night))

        await self.move(house, [berlin, saigon], day="2026-03-30")

        assert await self.starts(house) == [
            datetime(2026, 3, 30, 7, tzinfo=UTC),
            datetime(2026, 3, 29, 17, 30, tzinfo=UTC),
        ]

    async def test_the_days_of_a_zone_may_be_meant(self, house: Any) -> None:
        made = await house.plan(house.contact().id, time_zone="Europe/Berlin")

        await self.move(house, [made], day="2026-07-01", time_zone="Asia/Tokyo")

        assert await self.starts(house) == [datetime(2026, 7, 1, 5, tzinfo=UTC)]

    async def test_a_time_that_is_there_twice_is_the_first(self, house: Any) -> None:
        # 02:30 in Berlin on 25 October 2026 is 00:30 and 01:30 UTC.
        start = datetime(2026, 10, 20, 0, 30, tzinfo=UTC)
        made = await house.plan(
            house.contact().id, start_time=stamp(start), time_zone="Europe/Berlin"
        )

        await self.move(house, [made], day="2026-10-25")

        assert await self.starts(house) == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]

    async def test_each_that_cannot_be_is_named_and_none_is_moved(self, house: Any) -> None:
        contact, others = house.contact().id, person()
        mine = person(contacts="all", follow_ups="own")
        # 02:30 in Berlin is not there on 29 March 2026.
        gap = stamp(datetime(2026, 3, 20, 1, 30, tzinfo=UTC))
        fine = await house.plan(contact, mine)
        closed = await house.plan(contact, mine)
        close = follow_up_service.CancelFollowUpRequest(id=closed.id)
        await house.follow_ups().CancelFollowUp(close)
        stale = await house.plan(contact, mine)
        stale.etag = "7"
        hidden = await house.plan(contact, others)
        lost = await house.plan(contact, mine, start_time=gap, time_zone="Europe/Berlin")
        gone = follow_up_pb2.FollowUp(id=str(uuid4()))
        closed.etag = ""
        before = await self.starts(house)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            asked = [fine, closed, stale, hidden, lost, gone]
            await self.move(house, asked, mine, day="2026-03-29")

        assert refusal.fields() == [f"follow_ups[{at}]" for at in range(1, 6)]
        why = {it.field: it.description for it in refusal.error.violations}
        assert why["follow_ups[3]"] == why["follow_ups[5]"] == "no such follow-up"
        assert why["follow_ups[4]"] == "its time does not exist on that day"
        assert await self.starts(house) == before

    async def test_what_may_be_seen_may_not_be_moved(self, house: Any) -> None:
        made = await house.plan(house.contact().id)
        rights = {"follow_ups": {"read": "all", "write": "own"}}
        who = type(person())(str(uuid4()), "user", None, rights)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await self.move(house, [made], who, day="2026-03-29")

        assert refusal.error.violations[0].description == "no right to change it"

    async def test_the_same_request_id_moves_once(self, house: Any) -> None:
        made = await house.plan(house.contact().id)
        made.etag = ""

        for _ in range(2):
            to = Duration(seconds=86_400)
            await self.move(house, [made], offset=to, request_id="once")

        assert await self.starts(house) == [NOON + DAY]

    async def test_every_bad_field_is_named(self, house: Any) -> None:
        made = await house.plan(house.contact().id)
        bad = follow_up_pb2.FollowUp(id="x")

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as nothing:
            await self.move(house, [])
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as twice:
            await self.move(house, [made, made, bad], day="31.12.2026", time_zone="Mars")
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as far:
            await self.move(house, [made], offset=Duration(seconds=3_661 * 86_400))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as many:
            await self.move(house, [made] * 201, day="2026-03-29")
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as beyond:
            await self.move(house, [made], day="9999-12-31")

        assert nothing.fields() == ["follow_ups", "to"]
        wrong = {"follow_ups[1].id", "follow_ups[2].id", "day", "time_zone"}
        assert set(twice.fields()) == wrong
        assert far.fields() == ["offset"]
        assert many.fields() == ["follow_ups"]
        assert beyond.fields() == ["day"]
