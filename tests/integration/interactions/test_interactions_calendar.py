"""The calendar: what a range shows to whom, and who is busy."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import calendar_service_pb2 as pb2
from crm.interactions.v1 import follow_up_pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_service

from chassis import errors
from tests.integration.interactions.house import NOON, SERVICE, person, stamp
from tests.integration.serving import refused

CALL, SMS = follow_up_pb2.FOLLOW_UP_TYPE_CALL, follow_up_pb2.FOLLOW_UP_TYPE_SMS
MEETING = follow_up_pb2.FOLLOW_UP_TYPE_MEETING
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def days(first: datetime, count: float = 1, **more: Any) -> pb2.ListCalendarRequest:
    end = first + count * DAY
    return pb2.ListCalendarRequest(range_start=stamp(first), range_end=stamp(end), **more)


async def shown(house: Any, request: Any, who: Any = SERVICE) -> list[str]:
    found = await house.calendar(who).ListCalendar(request)
    return [each.id for each in found.entries]


class TestRange:
    async def test_it_has_what_touches_it(self, house: Any) -> None:
        contact = house.contact().id
        plan = [
            (NOON - 2 * HOUR, NOON - HOUR),  # over before
            (NOON - HOUR, NOON),  # ends as it begins
            (NOON - HOUR, NOON + HOUR),
            (NOON - 40 * DAY, NOON + HOUR),
            (NOON, NOON),
            (NOON + DAY - HOUR, NOON + 3 * DAY),
            (NOON + DAY, NOON + DAY + HOUR),  # begins as it ends
            (NOON - 40 * DAY, NOON - DAY),  # long, and over before
        ]
        made = [
            await house.plan(contact, start_time=stamp(start), end_time=stamp(end))
            for start, end in plan
        ]

        ids = await shown(house, days(NOON))

        assert ids == [made[at].id for at in (3, 2, 4, 5)]

    async def test_an_entry_says_what_a_calendar_needs(self, house: Any) -> None:
        contact = house.contact().id
        made = await house.plan(contact, person(), title="Họp", type=MEETING)

        found = await house.calendar().ListCalendar(days(NOON))

        (entry,) = found.entries
        assert (entry.id, entry.etag, entry.title) == (made.id, "1", "Họp")
        assert (entry.type, entry.status) == (MEETING, made.status)
        assert (entry.start_time, entry.end_time) == (made.start_time, made.end_time)
        assert (list(entry.contact_ids), entry.contact_count) == ([contact], 1)
        assert entry.assignee_ids == made.assignee_ids

    async def test_pages_follow_by_start_and_leave_nothing_out(self, house: Any) -> None:
        contact = house.contact().id
        plan = [(3, 1), (1, 60), (2, 1), (2, 50), (4, 1), (-30, 60)]
        made = []
        for hour, length in plan:
            start = NOON + hour * HOUR
            end = stamp(start + length * HOUR)
            made.append(await house.plan(contact, start_time=stamp(start), end_time=end))
        expected = sorted(made, key=lambda it: (it.start_time.seconds, it.id))

        seen, token = [], ""
        while True:
            request = days(NOON, page_size=2, page_token=token)
            page = await house.calendar().ListCalendar(request)
            seen += [each.id for each in page.entries]
            token = page.next_page_token
            if not token:
                break

        assert seen == [each.id for each in expected]

    async def test_conditions_hold_together(self, house: Any) -> None:
        contact, lan, minh, team = house.contact().id, str(uuid4()), str(uuid4()), str(uuid4())
        wanted = await house.plan(contact, assignee_ids=[lan], type=MEETING, team_id=team)
        also = await house.plan(contact, assignee_ids=[minh, lan], type=MEETING, team_id=team)
        await house.plan(contact, assignee_ids=[lan], type=CALL, team_id=team)
        await house.plan(contact, assignee_ids=[str(uuid4())], type=MEETING, team_id=team)
        await house.plan(contact, assignee_ids=[lan], type=MEETING)
        done = await house.plan(contact, assignee_ids=[lan], type=MEETING, team_id=team)
        close = follow_up_service.CompleteFollowUpRequest(id=done.id, outcome="xong")
        await house.follow_ups().CompleteFollowUp(close)
        wish: Any = {
            "types": [MEETING],
            "statuses": [follow_up_pb2.FOLLOW_UP_STATUS_OPEN],
            "team_id": team,
        }

        ids = await shown(house, days(NOON, assignee_ids=[lan, minh], **wish))

        assert set(ids) == {wanted.id, also.id}

    @pytest.mark.parametrize(("level", "count"), [("own", 2), ("team", 3), ("all", 4)])
    async def test_it_shows_what_is_within_reach(self, house: Any, level: str, count: int) -> None:
        contact, team = house.contact(), str(uuid4())
        me, other = person("own", team, contacts="all"), person()
        made = [
            await house.plan(contact.id, me, assignee_ids=[other.subject]),
            await house.plan(contact.id, other, assignee_ids=[other.subject, me.subject]),
            await house.plan(contact.id, other, team_id=team),
            await house.plan(contact.id, other),
        ]

        ids = await shown(house, days(NOON), person(level, team, me.subject))

        assert set(ids) == {it.id for it in made[:count]}

    async def test_it_needs_the_right(self, house: Any) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await shown(house, days(NOON), person(follow_ups="none"))

    async def test_every_bad_field_is_named(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as too_long:
            await shown(house, days(NOON, 62.1, assignee_ids=["x"], team_id="y"))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as reversed_:
            await shown(house, days(NOON, 0))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as empty:
            await shown(house, pb2.ListCalendarRequest())
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as many:
            await shown(house, days(NOON, assignee_ids=[str(uuid4())] * 51))

        assert set(too_long.fields()) == {"range_end", "assignee_ids[0]", "team_id"}
        assert reversed_.fields() == ["range_end"]
        assert empty.fields() == ["range_start", "range_end"]
        assert many.fields() == ["assignee_ids"]

    async def test_a_token_of_another_range_is_none(self, house: Any) -> None:
        contact = house.contact().id
        for _ in range(2):
            await house.plan(contact)
        page = await house.calendar().ListCalendar(days(NOON, page_size=1))

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await shown(house, days(NOON - DAY, page_token=page.next_page_token))


class TestOverlaps:
    async def overlaps(self, house: Any, who: Any = SERVICE, **given: Any) -> list[str]:
        asked = {"start_time": stamp(NOON), "end_time": stamp(NOON + HOUR), **given}
        found = await house.calendar(who).CheckOverlaps(pb2.CheckOverlapsRequest(**asked))
        return [each.id for each in found.entries]

    async def test_calls_and_meetings_of_the_same_people_count(self, house: Any) -> None:
        contact, lan = house.contact().id, str(uuid4())

        async def plan(minutes: float, **more: Any) -> str:
            start = NOON + timedelta(minutes=minutes)
            given = {"type": MEETING, "assignee_ids": [lan], "start_time": stamp(start), **more}
            return str((await house.plan(contact, **given)).id)

        meeting, call = await plan(-15), await plan(45, type=CALL)
        trip = await plan(-3 * 24 * 60, end_time=stamp(NOON + DAY))
        await plan(0, type=SMS)
        await plan(0, assignee_ids=[str(uuid4())])
        await plan(-30)  # ends as it begins
        await plan(60)  # begins as it ends
        cancelled = await plan(0)
        cancel = follow_up_service.CancelFollowUpRequest(id=cancelled)
        await house.follow_ups().CancelFollowUp(cancel)

        assert await self.overlaps(house, assignee_ids=[lan]) == [trip, meeting, call]
        assert await self.overlaps(house, assignee_ids=[lan], exclude_id=call) == [trip, meeting]
        assert await self.overlaps(house, assignee_ids=[str(uuid4())]) == []

    async def test_without_names_the_caller_is_meant_and_half_an_hour(self, house: Any) -> None:
        me, contact = person(), house.contact().id
        mine = await house.plan(contact, me, start_time=stamp(NOON + 0.4 * HOUR))
        await house.plan(contact, me, start_time=stamp(NOON + 0.6 * HOUR))
        await house.plan(contact, person())

        assert await self.overlaps(house, me, end_time=None) == [mine.id]
        assert await self.overlaps(house) == []  # a service is nobody

    async def test_what_the_caller_may_not_see_is_not_told(self, house: Any) -> None:
        busy = person()
        await house.plan(house.contact().id, busy)

        assert await self.overlaps(house, person("own"), assignee_ids=[busy.subject]) == []

    @pytest.mark.parametrize("year", [1, 1969, 9_001, 9_999])
    async def test_a_time_that_no_days_can_be_counted_from_is_refused(
        self, house: Any, year: int
    ) -> None:
        far = stamp(datetime(year, 1, 1, tzinfo=UTC))

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await self.overlaps(house, start_time=far, end_time=None)
        assert refusal.fields() == ["start_time"]
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.calendar().ListCalendar(
                pb2.ListCalendarRequest(range_start=far, range_end=far)
            )
        assert refusal.fields() == ["range_start", "range_end", "range_end"]

    async def test_every_bad_field_is_named(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await self.overlaps(
                house, end_time=stamp(NOON - HOUR), assignee_ids=["x"], exclude_id="y"
            )
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as nothing:
            await house.calendar().CheckOverlaps(pb2.CheckOverlapsRequest())
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as long:
            await self.overlaps(house, end_time=stamp(NOON + 32 * DAY))

        assert set(refusal.fields()) == {"end_time", "assignee_ids[0]", "exclude_id"}
        assert nothing.fields() == ["start_time"]
        assert long.fields() == ["end_time"]
