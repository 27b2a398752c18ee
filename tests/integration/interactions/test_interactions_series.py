"""Series: making, seeing, changing, splitting, pausing; each bad input names its field."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2, series_pb2
from crm.interactions.v1 import series_service_pb2 as pb2
from crm.interactions.v1.series_pb2 import AfterOrderRule, CalendarRule, Series
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from chassis import errors
from services.interactions import workers
from tests.integration.interactions.house import person, stamp
from tests.integration.serving import refused

CALL = follow_up_pb2.FOLLOW_UP_TYPE_CALL
ACTIVE, PAUSED = series_pb2.SERIES_STATE_ACTIVE, series_pb2.SERIES_STATE_PAUSED
ENDED = series_pb2.SERIES_STATE_ENDED
ZONE = "Asia/Ho_Chi_Minh"
# Seven hours ahead all year round.
TODAY = (datetime.now(UTC) + timedelta(hours=7)).replace(hour=0, minute=0, second=0, microsecond=0)
AHEAD = TODAY.replace(tzinfo=None) + timedelta(days=2, hours=9)
"""Nine o'clock of the day after tomorrow, as clocks in Vietnam show it."""


def rule(rrule: str = "FREQ=DAILY", start: datetime = AHEAD, **more: Any) -> CalendarRule:
    return CalendarRule(rrule=rrule, start=start.isoformat(), **more)


def at(day: int) -> datetime:
    """The instant of nine o'clock so many days after `AHEAD`."""
    return (AHEAD + timedelta(days=day) - timedelta(hours=7)).replace(tzinfo=UTC)


async def make(house: Any, who: Any = None, **given: Any) -> Any:
    said = {"title": "Hỏi thăm", "type": CALL, **given}
    if not said.keys() & {"calendar", "after_order", "invoice_due"}:
        said["calendar"] = rule()
    if "contact_ids" not in said:
        said["contact_ids"] = [house.contact().id]
    request = pb2.CreateSeriesRequest(series=Series(**said))
    return await house.series(who or person()).CreateSeries(request)


async def change(house: Any, given: Series, *paths: str, who: Any = None) -> Any:
    request = pb2.UpdateSeriesRequest(series=given, update_mask=FieldMask(paths=paths))
    return await house.series(who or person()).UpdateSeries(request)


async def planned(house: Any, series_id: str = "") -> list[Any]:
    """Every follow-up of a series, by time."""
    request = follow_up_service_pb2.ListFollowUpsRequest(page_size=1000)
    listed = (await house.follow_ups().ListFollowUps(request)).follow_ups
    return [it for it in listed if it.series_id and it.series_id == (series_id or it.series_id)]


async def times(house: Any, series_id: str = "") -> list[datetime]:
    found = await planned(house, series_id)
    return [it.recurrence_time.ToDatetime(tzinfo=UTC) for it in found]


async def move(house: Any, follow_up: Any, by: timedelta) -> Any:
    start = stamp(follow_up.start_time.ToDatetime(tzinfo=UTC) + by)
    changed = follow_up_pb2.FollowUp(id=follow_up.id, start_time=start)
    request = follow_up_service_pb2.UpdateFollowUpRequest(follow_up=changed)
    return await house.follow_ups().UpdateFollowUp(request)


async def actions(house: Any) -> list[str]:
    async with house.sessions.begin() as session:
        found = await session.scalars(
            text("SELECT key FROM outbox WHERE class = 'audit' AND key LIKE 'series/%'")
        )
        return list(found)


async def subjects(house: Any) -> list[str]:
    async with house.sessions.begin() as session:
        query = text("SELECT subject FROM outbox WHERE class = 'facts' ORDER BY id")
        return [it.rpartition(".")[2] for it in await session.scalars(query)]


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


class TestSee:
    async def test_those_within_reach_newest_first_page_by_page(self, house: Any) -> None:
        me = person("own")
        contact = house.contact(me.subject).id
        mine = [await make(house, me, contact_ids=[contact]) for _ in range(3)]
        await make(house)

        seen, token = [], ""
        while True:
            request = pb2.ListSeriesRequest(page_size=2, page_token=token)
            listed = await house.series(me).ListSeries(request)
            seen += [it.id for it in listed.series]
            token = listed.next_page_token
            if not token:
                break

        assert seen == [it.id for it in reversed(mine)]

    async def test_those_of_a_contact_or_a_colleague(self, house: Any) -> None:
        contact, colleague = house.contact().id, str(uuid4())
        of_contact = await make(house, contact_ids=[contact, house.contact().id])
        of_colleague = await make(house, assignee_ids=[colleague])

        by_contact = await house.series().ListSeries(pb2.ListSeriesRequest(contact_id=contact))
        by_user = await house.series().ListSeries(pb2.ListSeriesRequest(assignee_id=colleague))

        assert [it.id for it in by_contact.series] == [of_contact.id]
        assert [it.id for it in by_user.series] == [of_colleague.id]
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await house.series().ListSeries(pb2.ListSeriesRequest(contact_id="x"))

    async def test_one_beyond_reach_is_none(self, house: Any) -> None:
        made = await make(house)

        for stranger, wanted in ((person("own"), made.id), (person(), str(uuid4()))):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await house.series(stranger).GetSeries(pb2.GetSeriesRequest(id=wanted))
        assert await house.series().GetSeries(pb2.GetSeriesRequest(id=made.id)) == made


class TestUpdate:
    async def test_untouched_future_ones_are_replaced_and_others_stay(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=4"))
        first, second, third, _ = await planned(house, made.id)
        done = follow_up_service_pb2.CompleteFollowUpRequest(id=first.id, outcome="xong")
        await house.follow_ups().CompleteFollowUp(done)
        await move(house, second, timedelta(hours=3))
        await house.follow_ups().DeleteFollowUp(
            follow_up_service_pb2.DeleteFollowUpRequest(id=third.id)
        )

        changed = Series(id=made.id, title="Mới", calendar=rule("FREQ=DAILY;COUNT=5"))
        after = await change(house, changed)

        listed = await planned(house, made.id)
        assert (after.revision, after.calendar.rrule) == (2, "FREQ=DAILY;COUNT=5")
        assert await times(house) == [at(0), at(1), at(3), at(4)]  # the third was deleted
        assert [it.title for it in listed] == ["Hỏi thăm", "Hỏi thăm", "Mới", "Mới"]
        assert listed[0].status == follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED

    async def test_a_moved_one_keeps_its_recurrence_time(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=1"))
        [only] = await planned(house, made.id)

        moved = await move(house, only, timedelta(hours=3))

        assert moved.recurrence_time.ToDatetime(tzinfo=UTC) == at(0)
        assert moved.start_time.ToDatetime(tzinfo=UTC) == at(0) + timedelta(hours=3)

    async def test_other_contacts_get_theirs(self, house: Any) -> None:
        old, new = house.contact().id, house.contact().id
        made = await make(house, contact_ids=[old], calendar=rule("FREQ=DAILY;COUNT=2"))

        await change(house, Series(id=made.id, contact_ids=[new]), "contact_ids")

        assert {it.contact_ids[0] for it in await planned(house, made.id)} == {new}

    async def test_a_bad_rule_changes_nothing(self, house: Any) -> None:
        made = await make(house)
        before = await planned(house)

        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await change(house, Series(id=made.id, calendar=rule("FREQ=SECONDLY")), "calendar")
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await change(house, Series(id=made.id), "after_order")
        with refused(errors.InvalidArgument, "UPDATE_MASK_INVALID"):
            await change(house, Series(id=made.id), "state")

        assert await planned(house) == before

    async def test_a_stale_etag_is_refused(self, house: Any) -> None:
        made = await make(house)
        await change(house, Series(id=made.id, title="Một", etag="1"), "title")

        with refused(errors.Aborted, "ETAG_STALE"):
            await change(house, Series(id=made.id, title="Hai", etag="1"), "title")

    async def test_who_may_only_read_may_not(self, house: Any) -> None:
        made = await make(house)
        reader = person(user_id=str(uuid4()))
        assert reader.rights is not None
        reader.rights["follow_ups"]["write"] = "own"  # type: ignore[index]

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await change(house, Series(id=made.id, title="Một"), "title", who=reader)


class TestDelete:
    async def test_what_nobody_touched_goes_with_it(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=3"))
        first, *_ = await planned(house, made.id)
        await move(house, first, timedelta(hours=1))

        await house.series().DeleteSeries(pb2.DeleteSeriesRequest(id=made.id))

        assert await times(house, made.id) == [at(0)]
        assert await subjects(house) == [
            "OccurrencesPlanned",
            "FollowUpUpdated",
            "OccurrencesDropped",
        ]
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.series().GetSeries(pb2.GetSeriesRequest(id=made.id))


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


class TestPause:
    async def test_it_plans_none_until_it_resumes(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=3"))
        before = await times(house)

        paused = await house.series().PauseSeries(pb2.PauseSeriesRequest(id=made.id))
        again = await house.series().PauseSeries(pb2.PauseSeriesRequest(id=made.id))
        while_paused = await times(house)
        await change(house, Series(id=made.id, title="Mới"), "title")
        while await workers.expand_batch(house.sessions):
            pass
        still_paused = await times(house)
        resumed = await house.series().ResumeSeries(pb2.ResumeSeriesRequest(id=made.id))

        assert (paused.state, again) == (PAUSED, paused)
        assert while_paused == still_paused == []
        assert resumed.state == ENDED  # all that is left is planned
        assert await times(house) == before
        assert {it.title for it in await planned(house)} == {"Mới"}


class TestPreview:
    async def preview(self, house: Any, given: CalendarRule, count: int = 0) -> list[str]:
        request = pb2.PreviewSeriesRequest(calendar=given, count=count)
        found = (await house.series().PreviewSeries(request)).occurrences
        return [it.local_time for it in found]

    async def test_the_next_times_of_a_rule_not_saved(self, house: Any) -> None:
        listed = await self.preview(house, rule("FREQ=DAILY"), 3)

        assert listed == [(AHEAD + timedelta(days=day)).isoformat() for day in range(3)]
        assert len(await self.preview(house, rule("FREQ=DAILY"))) == 10
        assert len(await self.preview(house, rule("FREQ=DAILY;COUNT=2"))) == 2
        assert await planned(house) == []

    async def test_a_bad_rule_or_count_is_named(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await self.preview(house, rule("FREQ=WEEKLY;BYDAY=XX"), 101)

        assert set(refusal.fields()) == {"calendar.rrule", "count"}
