"""Reminders before the start: each once, whoever looks, however often the follow-up moves."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.interactions.v1 import notification_service_pb2
from crm.interactions.v1 import series_service_pb2 as series_pb2
from crm.interactions.v1.follow_up_pb2 import FollowUp, FollowUpReminder
from crm.interactions.v1.notification_pb2 import NOTIFICATION_KIND_REMINDER
from crm.interactions.v1.series_pb2 import CalendarRule, Series
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from services.interactions.workers import remind_batch
from tests.integration.interactions.house import SERVICE, later, person, stamp
from tests.integration.serving import refused


async def plan(house: Any, *minutes: int, who: Principal, start: Any = None) -> Any:
    reminders = [FollowUpReminder(minutes_before=it) for it in minutes]
    given = {"assignee_ids": [who.subject], "reminders": reminders}
    return await house.plan(house.contact().id, start_time=start or later(120), **given)


async def change(house: Any, planned: Any, *paths: str, **changes: Any) -> Any:
    wanted = FollowUp(id=planned.id, **changes)
    request = pb2.UpdateFollowUpRequest(follow_up=wanted, update_mask=FieldMask(paths=paths))
    return await house.follow_ups().UpdateFollowUp(request)


async def reminded(house: Any, who: Principal) -> list[Any]:
    """The reminders of somebody, oldest first."""
    request = notification_service_pb2.ListNotificationsRequest()
    listed = await house.notifications(who).ListNotifications(request)
    return [it for it in listed.notifications[::-1] if it.kind == NOTIFICATION_KIND_REMINDER]


async def waiting(house: Any) -> list[tuple[int, datetime]]:
    async with house.sessions.begin() as session:
        rows = await session.execute(text("SELECT * FROM reminders ORDER BY minutes_before"))
        return [(row.minutes_before, row.due_time) for row in rows]


async def pass_(house: Any, planned: Any, minutes: float) -> None:
    """Lets that much time go by for a follow-up and its reminders."""
    gone = {"id": UUID(planned.id), "gone": timedelta(minutes=minutes)}
    async with house.sessions.begin() as session:
        await session.execute(_MOVE_START, gone)
        await session.execute(_MOVE_DUE, gone)


class TestReminders:
    async def test_each_is_given_once_to_each_assignee_by_whoever_looks(self, house: Any) -> None:
        binh, lan = person("own"), person("own")
        start = datetime.now(UTC) + timedelta(hours=2)
        planned = await plan(house, 15, 60, who=binh, start=stamp(start))
        await change(house, planned, "assignee_ids", assignee_ids=[binh.subject, lan.subject])
        assert [it.minutes_before for it in planned.reminders] == [60, 15]
        assert await remind_batch(house.sessions) == 0
        assert await waiting(house) == [
            (15, start - timedelta(minutes=15)),
            (60, start - timedelta(minutes=60)),
        ]

        await pass_(house, planned, 61)
        looked = await asyncio.gather(*(remind_batch(house.sessions) for _ in range(3)))

        assert sum(looked) == 1
        for who in (binh, lan):
            (one,) = await reminded(house, who)
            assert one.follow_up_id == planned.id
            assert one.start_time.seconds
        await pass_(house, planned, 45)
        await remind_batch(house.sessions)
        assert len(await reminded(house, binh)) == 2
        assert await waiting(house) == []

    async def test_moving_the_follow_up_moves_them_and_they_are_given_again(
        self, house: Any
    ) -> None:
        binh = person("own")
        planned = await plan(house, 15, who=binh)
        await pass_(house, planned, 110)
        await remind_batch(house.sessions)
        start = datetime.now(UTC) + timedelta(hours=5)

        await change(house, planned, "start_time", start_time=stamp(start))

        assert await waiting(house) == [(15, start - timedelta(minutes=15))]
        await pass_(house, planned, 287)
        await remind_batch(house.sessions)
        assert len(await reminded(house, binh)) == 2

    async def test_other_changes_leave_them_alone(self, house: Any) -> None:
        planned = await plan(house, 15, who=person())
        await pass_(house, planned, 110)  # due, and nobody looked yet

        await change(house, planned, "title", title="Gọi sớm")

        assert await remind_batch(house.sessions) == 1

    @pytest.mark.parametrize("act", ["cancel", "complete", "delete", "take_back"])
    async def test_what_is_closed_reminds_nobody(self, house: Any, act: str) -> None:
        planned = await plan(house, 15, who=person())
        follow_ups = house.follow_ups()

        if act == "cancel":
            await follow_ups.CancelFollowUp(pb2.CancelFollowUpRequest(id=planned.id))
        elif act == "complete":
            done = pb2.CompleteFollowUpRequest(id=planned.id, outcome="xong")
            await follow_ups.CompleteFollowUp(done)
        elif act == "delete":
            await follow_ups.DeleteFollowUp(pb2.DeleteFollowUpRequest(id=planned.id))
        else:
            await change(house, planned, "reminders")

        assert await waiting(house) == []

    async def test_late_ones_are_given_once_and_those_after_the_start_never(
        self, house: Any
    ) -> None:
        binh = person("own")
        late, started = await plan(house, 60, who=binh), await plan(house, 15, who=binh)
        await pass_(house, late, 119)
        await pass_(house, started, 121)

        assert await remind_batch(house.sessions) == 2

        assert [it.follow_up_id for it in await reminded(house, binh)] == [late.id]
        assert await remind_batch(house.sessions) == 0

    async def test_one_whose_time_has_passed_when_it_is_planned_is_not_given(
        self, house: Any
    ) -> None:
        await plan(house, 60, 15, who=person(), start=later(30))

        assert [minutes for minutes, _ in await waiting(house)] == [15]

    async def test_bad_ones_are_named(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await plan(house, 15, 0, 15, 40_321, -1, 60, who=SERVICE)

        field = "follow_up.reminders"
        assert set(refusal.fields()) >= {
            field,
            *(f"{field}[{at}].minutes_before" for at in (1, 2, 3, 4)),
        }


class TestSeries:
    async def test_each_occurrence_has_those_of_its_series(self, house: Any) -> None:
        start = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0, tzinfo=None)
        calendar = CalendarRule(
            rrule="FREQ=DAILY;COUNT=3", start=start.isoformat(), time_zone="UTC"
        )
        series = Series(
            title="Hỏi thăm",
            type="FOLLOW_UP_TYPE_CALL",  # type: ignore[arg-type]
            contact_ids=[house.contact().id],
            calendar=calendar,
            reminders=[FollowUpReminder(minutes_before=15)],
        )
        stub = house.series(person())

        made = await stub.CreateSeries(series_pb2.CreateSeriesRequest(series=series))
        listed = (await house.follow_ups().ListFollowUps(pb2.ListFollowUpsRequest())).follow_ups

        first = start.replace(tzinfo=UTC)
        starts = [first + timedelta(days=day) for day in range(3)]
        assert sorted(await waiting(house)) == [(15, it - timedelta(minutes=15)) for it in starts]
        assert {it.reminders[0].minutes_before for it in (made, *listed)} == {15}

        change = Series(id=made.id, reminders=[FollowUpReminder(minutes_before=60)])
        mask = FieldMask(paths=["reminders"])
        asked = series_pb2.UpdateSeriesRequest(series=change, update_mask=mask)
        await stub.UpdateSeries(asked)
        assert [minutes for minutes, _ in await waiting(house)] == [60, 60, 60]

        await stub.DeleteSeries(series_pb2.DeleteSeriesRequest(id=made.id))
        assert await waiting(house) == []


_MOVE_START = text("""
    UPDATE follow_ups SET start_time = start_time - :gone, end_time = end_time - :gone
    WHERE id = :id
""")
_MOVE_DUE = text("UPDATE reminders SET due_time = due_time - :gone WHERE follow_up_id = :id")
