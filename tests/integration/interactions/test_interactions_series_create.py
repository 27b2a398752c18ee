"""Series: making one; each bad input is refused alone."""

from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import series_service_pb2 as pb2
from crm.interactions.v1.series_pb2 import AfterOrderRule, CalendarRule, Series
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import text

from chassis import errors
from tests.integration.interactions.house import person
from tests.integration.interactions.series_parts import (
    ACTIVE,
    AHEAD,
    CALL,
    TODAY,
    at,
    make,
    planned,
    rule,
    subjects,
    times,
)
from tests.integration.serving import refused

ZONE = "Asia/Ho_Chi_Minh"


async def actions(house: Any) -> list[str]:
    async with house.sessions.begin() as session:
        found = await session.scalars(
            text("SELECT key FROM outbox WHERE class = 'audit' AND key LIKE 'series/%'")
        )
        return list(found)


class TestCreate:
    async def test_the_next_60_days_are_planned_at_once(self, house: Any) -> None:
        me = person(team=str(uuid4()))
        contact = house.contact().id

        made = await make(house, me, contact_ids=[contact], duration=Duration(seconds=900))

        listed = await planned(house, made.id)
        assert (made.state, made.revision, made.etag) == (ACTIVE, 1, "1")
        assert (made.calendar.rrule, made.calendar.time_zone) == ("FREQ=DAILY", ZONE)
        assert await times(house) == [at(day) for day in range(len(listed))]
        horizon = made.create_time.ToDatetime(tzinfo=UTC) + timedelta(days=60)
        assert at(len(listed) - 1) < horizon <= at(len(listed))
        first = listed[0]
        assert (first.title, list(first.contact_ids)) == ("Hỏi thăm", [contact])
        assert (first.creator_id, first.team_id) == (me.subject, me.team_id)
        assert list(first.assignee_ids) == [me.subject]
        assert first.end_time.seconds - first.start_time.seconds == 900
        assert first.time_zone == ZONE
        assert await subjects(house) == ["OccurrencesPlanned"]
        assert await actions(house) == [f"series/{made.id}"]

    async def test_a_call_for_many_becomes_one_for_each(self, house: Any) -> None:
        contacts = [house.contact().id for _ in range(3)]

        made = await make(house, contact_ids=contacts, calendar=rule("FREQ=DAILY;COUNT=2"))

        listed = await planned(house, made.id)
        assert sorted(it.contact_ids[0] for it in listed) == sorted(contacts * 2)
        assert await times(house) == [at(0)] * 3 + [at(1)] * 3

    async def test_times_before_today_are_passed_over_and_count(self, house: Any) -> None:
        begun = AHEAD - timedelta(days=12)

        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=15", begun))

        today = [] if at(-2) < TODAY - timedelta(hours=7) else [at(-2)]
        assert await times(house, made.id) == [*today, at(-1), at(0), at(1), at(2)]

    async def test_the_same_request_id_makes_it_once(self, house: Any) -> None:
        given = Series(title="t", type=CALL, contact_ids=[house.contact().id], calendar=rule())
        request = pb2.CreateSeriesRequest(series=given, request_id="r1")

        first = await house.series().CreateSeries(request)
        again = await house.series().CreateSeries(request)

        assert first == again
        assert len(await times(house)) == len(set(await times(house)))

    async def test_every_bad_field_is_named_at_once(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await make(
                house,
                title="",
                type=0,
                contact_ids=[str(uuid4()), "x"],
                assignee_ids=["nobody"],
                duration=Duration(seconds=8 * 86_400),
                description="d" * 4_001,
                category="c" * 81,
                team_id="x",
                calendar=CalendarRule(
                    rrule="FREQ=HOURLY", start="2026-03-01T09:00", exceptions=["soon"]
                ),
            )

        assert set(refusal.fields()) == {
            "series.title",
            "series.type",
            "series.contact_ids[0]",
            "series.contact_ids[1]",
            "series.assignee_ids[0]",
            "series.duration",
            "series.description",
            "series.category",
            "series.team_id",
            "series.calendar.rrule",
            "series.calendar.exceptions[0]",
        }

    @pytest.mark.parametrize(
        ("rrule", "why"),
        [
            ("", "is required"),
            ("daily please", "'DAILY PLEASE' is not NAME=VALUE"),
            ("COUNT=3", "needs FREQ"),
            ("FREQ=DAILY;COUNT=1000000", "COUNT must be"),
            ("FREQ=DAILY;BYHOUR=9,10,11;BYMINUTE=0,15,30,45", "gives 12 times a day"),
            ("FREQ=MINUTELY", "FREQ=MINUTELY is too often"),
            ("FREQ=DAILY;UNTIL=20200101", "ends before its start"),
            ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "gives no time"),
            ("FREQ=DAILY;DTSTART=20260101", "holds DTSTART or TZID"),
        ],
    )
    async def test_a_bad_rule_says_why(self, house: Any, rrule: str, why: str) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await make(house, calendar=rule(rrule))

        violation = refusal.error.violations[0]
        assert (violation.field, why in violation.description) == ("series.calendar.rrule", True)
        assert await planned(house) == []

    async def test_a_start_must_be_a_wall_clock_time(self, house: Any) -> None:
        for start in (
            "",
            "2026-03-01",
            "2026-03-01T09:00Z",
            "1999-01-01T09:00",
            "2026-02-30T09:00",
        ):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await make(house, calendar=CalendarRule(rrule="FREQ=DAILY", start=start))

            assert refusal.fields() == ["series.calendar.start"]

    async def test_a_rule_and_its_zone_are_needed(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as none:
            given = Series(title="t", type=CALL, contact_ids=[house.contact().id])
            await house.series().CreateSeries(pb2.CreateSeriesRequest(series=given))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as elsewhere:
            await make(house, calendar=rule(time_zone="Mars/Olympus"))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as order:
            await make(house, after_order=AfterOrderRule(days=-1, time_of_day="25:00"))

        assert none.fields() == ["series.calendar"]
        assert elsewhere.fields() == ["series.calendar.time_zone"]
        assert set(order.fields()) == {"series.after_order.days", "series.after_order.time_of_day"}

    async def test_contacts_are_needed_and_not_too_many(self, house: Any) -> None:
        for contacts in ([], [str(uuid4()) for _ in range(1_001)]):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await make(house, contact_ids=contacts)

            assert refusal.fields() == ["series.contact_ids"]

    async def test_a_contact_of_others_is_no_contact(self, house: Any) -> None:
        mine, others = person("own"), house.contact(str(uuid4()))

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await make(house, mine, contact_ids=[others.id])

        assert refusal.fields() == ["series.contact_ids[0]"]

    async def test_it_needs_the_right(self, house: Any) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await make(house, person(follow_ups="none"))
