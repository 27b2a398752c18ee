"""Reminders to contacts stand and fall with their follow-up, and are refused where none can be."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import follow_up_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.interactions.v1 import series_service_pb2 as series_pb2
from crm.interactions.v1.follow_up_pb2 import FollowUp, FollowUpReminder
from crm.interactions.v1.series_pb2 import CalendarRule, Series
from crm.leads.v1 import events_pb2 as leads_events
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from chassis import errors
from services.interactions.messages import contacts
from services.interactions.storage import reminders
from services.interactions.usecases import story
from services.interactions.workers import remind_batch
from tests.integration.interactions.contact_reminder_parts import (
    CALL,
    MEETING,
    change,
    due,
    listed,
    messages,
    pass_,
    plan,
    reminder,
    to_contact,
)
from tests.integration.interactions.delivery_parts import Sending
from tests.integration.interactions.house import later, person
from tests.integration.notifier.notifier_parts import EMAIL_SENDER, SMS_SENDER
from tests.integration.serving import refused

LOCK = text("SELECT FROM follow_ups WHERE id = :id FOR UPDATE")


class TestWhatDoesNotGo:
    @pytest.mark.parametrize(
        ("why", "told"),
        [
            ("cancelled", ("SKIPPED", "CANCELLED")),
            ("moved", ("SKIPPED", "MOVED")),
            ("another contact", ("SKIPPED", "CANCELLED")),
            ("started", ("SKIPPED", "TOO_LATE")),
            ("erased", ("SKIPPED", "CONTACT_GONE")),
            ("no address", ("SKIPPED", "NO_ADDRESS")),
            ("no consent", ("SKIPPED", "NO_CONSENT")),
            ("no sender", ("FAILED", "SENDER_MISSING")),
        ],
    )
    async def test_it_says_why(self, parts: Sending, why: str, told: tuple[str, str]) -> None:
        an = parts.contact("an")
        planned = await due(parts, an)
        match why:
            case "cancelled":
                await parts.follow_ups().CancelFollowUp(pb2.CancelFollowUpRequest(id=planned.id))
            case "moved":
                await change(parts, planned, "start_time", start_time=later(300))
            case "another contact":
                await change(parts, planned, "contact_ids", contact_ids=[parts.contact()])
            case "started":
                await parts.sql("UPDATE follow_ups SET start_time = start_time - interval '1 hour'")
                await parts.sql(
                    "UPDATE contact_reminders SET start_time = start_time - interval '1 hour'"
                )
            case "erased":
                del parts.leads.contacts[an]
            case "no address":
                del parts.leads.contacts[an].emails[:]
            case "no consent":
                parts.audiences.without_consent.add(an)
            case "no sender":
                await parts.sql(
                    "UPDATE contact_reminders SET sender ="
                    " jsonb_set(sender, '{sender_identity_id}', to_jsonb(CAST(:id AS text)))",
                    id=str(uuid4()),
                )

        await parts.herald().round()

        assert await listed(parts, planned) == [told]
        assert not await messages(parts)

    async def test_a_contact_that_leads_deleted_takes_its_reminders_along(
        self, parts: Sending
    ) -> None:
        an = parts.contact("an")
        await due(parts, an)
        gone = leads_events.ContactDeleted(contact_id=an, revision=2)

        async with parts.sessions.begin() as session:
            await story.forget(session, contacts.tombstone(gone))

        assert await parts.herald().round() == 0
        assert not await parts.sql("SELECT FROM contact_reminders")

    async def test_one_that_nobody_looked_at_before_the_start_is_kept_and_not_sent(
        self, parts: Sending
    ) -> None:
        planned = await plan(parts, parts.contact("an"))
        await pass_(parts, 121)

        await remind_batch(parts.sessions)
        await parts.herald().round()

        assert await listed(parts, planned) == [("SKIPPED", "TOO_LATE")]
        assert not await messages(parts)


class TestMoving:
    async def test_a_moved_one_reminds_of_the_new_start_and_not_of_the_old(
        self, parts: Sending
    ) -> None:
        planned = await plan(parts, parts.contact("an"))
        await pass_(parts, 60)
        await change(parts, planned, "start_time", start_time=later(300))

        assert await remind_batch(parts.sessions) == 0
        await pass_(parts, 290)
        await remind_batch(parts.sessions)
        await parts.herald().round()

        assert await listed(parts, planned) == [("HANDED_OVER", "")]

    async def test_one_that_was_reminded_of_is_reminded_of_again_when_it_moves(
        self, parts: Sending
    ) -> None:
        planned = await due(parts, parts.contact("an"))
        await parts.herald().round()
        await change(parts, planned, "start_time", start_time=later(300))
        await pass_(parts, 290)

        await remind_batch(parts.sessions)
        await parts.herald().round()

        assert await listed(parts, planned) == [("HANDED_OVER", "")] * 2
        assert len(await messages(parts)) == 2

    async def test_who_changes_a_follow_up_is_not_waited_for(self, parts: Sending) -> None:
        planned = await plan(parts, parts.contact("an"))
        await pass_(parts, 110)

        async with parts.sessions.begin() as session:
            await session.execute(LOCK, {"id": UUID(planned.id)})
            assert await remind_batch(parts.sessions) == 0

        assert await remind_batch(parts.sessions) == 1


class TestSeries:
    async def test_each_occurrence_reminds_its_own_contact(self, parts: Sending) -> None:
        an, ba = parts.contact("an"), parts.contact("ba")
        start = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0, tzinfo=None)
        rule = CalendarRule(rrule="FREQ=DAILY;COUNT=2", start=start.isoformat(), time_zone="UTC")
        given = Series(
            title="Hỏi thăm",
            type=CALL,
            contact_ids=[an, ba],
            calendar=rule,
            reminders=[reminder(60)],
        )
        stub = parts.series(person())

        made = await stub.CreateSeries(series_pb2.CreateSeriesRequest(series=given))
        await pass_(parts, 47.5 * 60)
        assert await remind_batch(parts.sessions) == 2
        await parts.herald().round()

        assert made.reminders[0].to_contact == to_contact(purpose=1)
        found = await parts.sql("SELECT contact_id, state FROM contact_reminders ORDER BY 1")
        expected = sorted([(UUID(an), "handed_over"), (UUID(ba), "handed_over")])
        assert [tuple(row) for row in found] == expected

    async def test_a_change_of_the_series_waits_for_who_reminds(self, parts: Sending) -> None:
        start = (datetime.now(UTC) + timedelta(hours=20)).replace(microsecond=0, tzinfo=None)
        rule = CalendarRule(rrule="FREQ=DAILY;COUNT=1", start=start.isoformat(), time_zone="UTC")
        given = Series(
            title="Hỏi thăm",
            type=CALL,
            contact_ids=[parts.contact()],
            calendar=rule,
            reminders=[FollowUpReminder(minutes_before=60)],
        )
        stub = parts.series(person())
        made = await stub.CreateSeries(series_pb2.CreateSeriesRequest(series=given))
        await parts.sql("UPDATE reminders SET due_time = now()")
        changed = Series(id=made.id, title="Gọi")
        request = series_pb2.UpdateSeriesRequest(
            series=changed, update_mask=FieldMask(paths=["title"])
        )

        async with parts.sessions.begin() as session:
            assert await reminders.take_due(session, 10)
            updating = asyncio.ensure_future(stub.UpdateSeries(request))
            await waits_for_a_lock(parts, updating)
        await updating

        titles = await parts.sql("SELECT title FROM follow_ups")
        assert [it.title for it in titles] == ["Gọi"]

    async def test_a_message_of_a_series_reminds_nobody(self, parts: Sending) -> None:
        given = Series(
            title="Hỏi thăm",
            type=follow_up_pb2.FOLLOW_UP_TYPE_SMS,
            contact_ids=[parts.contact()],
            calendar=CalendarRule(rrule="FREQ=DAILY;COUNT=1", start="2030-01-01T09:00"),
            reminders=[reminder()],
        )

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await parts.series(person()).CreateSeries(series_pb2.CreateSeriesRequest(series=given))

        assert refusal.fields() == ["series.reminders"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"sender_identity_id": str(uuid4())}, "sender_identity_id"),
            ({"sender_identity_id": str(SMS_SENDER)}, "sender_identity_id"),
            ({"advertiser_id": str(uuid4())}, "sender_identity_id"),
            ({"sender_identity_id": ""}, "sender_identity_id"),
            ({"advertiser_id": "x"}, "advertiser_id"),
            ({"channel": 0, "sender_identity_id": str(EMAIL_SENDER)}, "channel"),
        ],
    )
    async def test_a_sender_that_is_none_is_named(
        self, parts: Sending, changes: Any, field: str
    ) -> None:
        bad = reminder(60, **changes)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await plan(parts, parts.contact(), FollowUpReminder(minutes_before=15), bad)

        assert refusal.fields() == [f"follow_up.reminders[1].to_contact.{field}"]

    @pytest.mark.parametrize("kind", ["SMS", "EMAIL"])
    async def test_messages_and_calls_of_several_remind_nobody(
        self, parts: Sending, kind: str
    ) -> None:
        an, ba = parts.contact(), parts.contact()
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await plan(parts, an, type=f"FOLLOW_UP_TYPE_{kind}")
        assert refusal.fields() == ["follow_up.reminders"]

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as other:
            await plan(parts, an, contact_ids=[an, ba])
        assert set(other.fields()) == {"follow_up.reminders", "follow_up.contact_ids"}

    async def test_one_that_has_them_stays_a_call_or_meeting(self, parts: Sending) -> None:
        planned = await plan(parts, parts.contact())

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await change(parts, planned, "type", type="FOLLOW_UP_TYPE_SMS")
        assert refusal.fields() == ["follow_up.reminders"]

        changed = await change(parts, planned, "type", type=MEETING)
        assert changed.reminders[0].to_contact == to_contact(purpose=1)
        freed = await change(parts, planned, "type", "reminders", type="FOLLOW_UP_TYPE_SMS")
        assert not freed.reminders

    async def test_a_next_step_has_none_of_its_own(self, parts: Sending) -> None:
        planned = await plan(parts, parts.contact())
        step = FollowUp(title="Gặp", type=CALL, start_time=later(60), reminders=[reminder()])
        request = pb2.CompleteFollowUpRequest(id=planned.id, outcome="xong", next=step)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await parts.follow_ups().CompleteFollowUp(request)

        assert refusal.fields() == ["next.reminders"]

    async def test_those_of_others_are_not_listed(self, parts: Sending) -> None:
        planned = await plan(parts, parts.contact())
        request = pb2.ListContactRemindersRequest(follow_up_id=planned.id)

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await parts.follow_ups(person("own")).ListContactReminders(request)


async def waits_for_a_lock(parts: Sending, task: "asyncio.Future[Any]") -> None:
    """Returns once the task's statement waits for another's lock; fails if it ends before."""
    async with asyncio.timeout(30):
        while not await parts.sql("SELECT FROM pg_locks WHERE NOT granted"):
            assert not task.done()
