"""Reminders to the contact of a call or meeting: one for each start, whatever happens between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import delivery_pb2, follow_up_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.interactions.v1 import series_service_pb2 as series_pb2
from crm.interactions.v1.follow_up_pb2 import ContactReminder, FollowUp, FollowUpReminder
from crm.interactions.v1.series_pb2 import CalendarRule, Series
from crm.leads.v1 import contact_pb2
from crm.leads.v1 import events_pb2 as leads_events
from crm.notifier.v1 import events_pb2, message_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from chassis import errors
from chassis.context import Level
from services.interactions.domain import scope
from services.interactions.domain.timeline import Kind
from services.interactions.messages import contacts
from services.interactions.storage import reminders, timeline
from services.interactions.usecases import story
from services.interactions.workers import remind_batch
from tests.integration.interactions.delivery_parts import Sending
from tests.integration.interactions.house import later, person
from tests.integration.notifier.mail_parts import MailServer
from tests.integration.notifier.notifier_parts import ADVERTISER, EMAIL_SENDER, SMS_SENDER
from tests.integration.serving import refused

CALL, MEETING = follow_up_pb2.FOLLOW_UP_TYPE_CALL, follow_up_pb2.FOLLOW_UP_TYPE_MEETING
EMAIL = follow_up_pb2.CONTACT_REMINDER_CHANNEL_EMAIL
SMS = follow_up_pb2.CONTACT_REMINDER_CHANNEL_SMS
TRANSACTIONAL = follow_up_pb2.MESSAGE_PURPOSE_TRANSACTIONAL
MINUTES = 15
SEEING_ALL = scope.of(person(), Level.ALL)


def to_contact(channel: Any = EMAIL, **changes: Any) -> ContactReminder:
    sender = EMAIL_SENDER if channel == EMAIL else SMS_SENDER
    given = {
        "channel": channel,
        "advertiser_id": str(ADVERTISER),
        "sender_identity_id": str(sender),
        **changes,
    }
    return ContactReminder(**given)


def reminder(minutes: int = MINUTES, **changes: Any) -> FollowUpReminder:
    return FollowUpReminder(minutes_before=minutes, to_contact=to_contact(**changes))


async def plan(parts: Sending, contact: str, *given: FollowUpReminder, **more: Any) -> Any:
    """Plans a call in two hours."""
    planned = FollowUp(
        **{
            "title": "Đòi nợ <gấp>",
            "type": CALL,
            "contact_ids": [contact],
            "start_time": later(120),
            "reminders": given or [reminder()],
            **more,
        }
    )
    return await parts.follow_ups().CreateFollowUp(pb2.CreateFollowUpRequest(follow_up=planned))


async def pass_(parts: Sending, minutes: float) -> None:
    """Lets that much time go by for every follow-up and reminder."""
    gone = timedelta(minutes=minutes)
    await parts.sql(
        "UPDATE follow_ups SET start_time = start_time - :gone, end_time = end_time - :gone",
        gone=gone,
    )
    await parts.sql("UPDATE reminders SET due_time = due_time - :gone", gone=gone)


async def due(parts: Sending, contact: str, *given: FollowUpReminder, **more: Any) -> Any:
    """A call that starts in ten minutes, whose reminders wait to be handed over."""
    planned = await plan(parts, contact, *given, **more)
    await pass_(parts, 110)
    assert await remind_batch(parts.sessions)
    return planned


async def listed(parts: Sending, planned: Any) -> list[tuple[str, str]]:
    """State and reason of each, the latest start first."""
    request = pb2.ListContactRemindersRequest(follow_up_id=planned.id)
    found = await parts.follow_ups().ListContactReminders(request)
    return [
        (
            delivery_pb2.DeliveryState.Name(it.state).removeprefix("DELIVERY_STATE_"),
            it.reason,
        )
        for it in found.reminders
    ]


async def messages(parts: Sending) -> list[Any]:
    return await parts.notifier.sql("SELECT * FROM message_keys")


async def killed_before_it_recorded(parts: Sending) -> None:
    """A replica hands over, is killed before it records, and its lease ends."""
    herald = parts.herald()
    sessions, claims = herald._sessions, list[int]()

    class Once:
        """The database for the claim, and nothing after it."""

        def begin(self) -> Any:
            if claims:
                raise asyncio.CancelledError
            claims.append(1)
            return sessions.begin()

    herald._sessions = Once()  # type: ignore[assignment]
    with pytest.raises(asyncio.CancelledError):
        await herald.round()
    await parts.sql("UPDATE contact_reminders SET try_time = now()")


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


class TestWholeWay:
    async def test_the_contact_reads_when_and_with_whom_once(
        self, parts: Sending, mail: MailServer
    ) -> None:
        an = parts.contact("an", locale="en", time_zone="Europe/London")
        planned = await due(parts, an, reminder(purpose=TRANSACTIONAL), type=MEETING)
        start = (await parts.get(planned)).start_time

        looked = await asyncio.gather(*(parts.herald().round() for _ in range(3)))

        assert sum(looked) == 1
        assert await listed(parts, planned) == [("HANDED_OVER", "")]
        parts.notifier.engine(mail.wire())
        await mail.took(1)
        await parts.notifier.eventually("SELECT FROM messages WHERE state = 8")
        await parts.hear(*await parts.settled())
        assert await listed(parts, planned) == [("SENT", "")]
        text = mail.mails["an@example.vn"].decode()
        assert "Dear An," in text
        assert "a meeting with news@songhong.vn" in text
        assert "gấp" not in text
        (key,) = await messages(parts)
        at = start.ToDatetime(tzinfo=UTC)
        assert key.request_id == (
            f"follow-up-reminder:{planned.id}:{an}:{at:%Y%m%dT%H%M%S.%fZ}:{MINUTES}"
        )

    async def test_by_sms_and_in_app_at_other_times_each_once(self, parts: Sending) -> None:
        an = parts.contact(phones=[contact_pb2.Phone(number="+84912345678", valid=True)])
        colleagues = FollowUpReminder(minutes_before=30)
        planned = await due(parts, an, reminder(60, channel=SMS), reminder(), colleagues)

        assert await parts.herald().round() == 2
        assert await parts.herald().round() == 0

        assert await listed(parts, planned) == [("HANDED_OVER", "")] * 2
        request = pb2.ListContactRemindersRequest(follow_up_id=planned.id, page_size=1)
        pages = []
        while True:
            page = await parts.follow_ups().ListContactReminders(request)
            pages += [(it.minutes_before, it.channel) for it in page.reminders]
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        assert pages == [(60, SMS), (15, EMAIL)]
        told = await parts.sql("SELECT count(*) AS n FROM notifications WHERE kind = 'reminder'")
        assert told[0].n == len(planned.assignee_ids)

    async def test_the_story_has_what_the_notifier_has(self, parts: Sending) -> None:
        an, mute = parts.contact("an"), parts.contact("cam", emails=[])
        planned = await plan(parts, an)
        await plan(parts, mute)
        await pass_(parts, 110)
        await remind_batch(parts.sessions)
        await parts.herald().round()

        async with parts.sessions.begin() as session:
            entries, others = [
                await timeline.page(session, UUID(it), [Kind.REMINDER], SEEING_ALL, 10, None)
                for it in (an, mute)
            ]

        (one,) = entries
        assert one.resource_id == planned.id
        assert one.details["state"] == "handed_over"
        assert one.details["channel"] == "email"
        assert not others


class TestKills:
    async def test_what_was_handed_over_and_not_recorded_is_the_same_message_again(
        self, parts: Sending
    ) -> None:
        an = parts.contact("an")
        planned = await due(parts, an)
        await killed_before_it_recorded(parts)
        assert await listed(parts, planned) == [("WAITING", "")]
        parts.leads.contacts[an].display_name = "Ánh"

        await parts.herald().round()

        assert await listed(parts, planned) == [("HANDED_OVER", "")]
        assert len(await messages(parts)) == 1

    async def test_one_that_was_cancelled_meanwhile_tells_what_the_notifier_did(
        self, parts: Sending
    ) -> None:
        planned = await due(parts, parts.contact("an"))
        await killed_before_it_recorded(parts)
        await parts.follow_ups().CancelFollowUp(pb2.CancelFollowUpRequest(id=planned.id))

        await parts.herald().round()
        assert await listed(parts, planned) == [("SKIPPED", "CANCELLED")]
        await parts.hear(await news(parts, message_pb2.MESSAGE_STATE_ACCEPTED, 3))

        assert await listed(parts, planned) == [("SENT", "")]

    async def test_a_stalled_one_records_nothing_over_a_newer_claim(self, parts: Sending) -> None:
        planned = await due(parts, parts.contact("an"))
        herald, other = parts.herald(), parts.herald()
        taken = herald._hand_over

        async def stalls(batch: Any, found: Any) -> None:
            await taken(batch, found)
            await parts.sql("UPDATE contact_reminders SET try_time = now()")
            assert await other.round() == 1

        herald._hand_over = stalls  # type: ignore[method-assign]
        await herald.round()

        assert await listed(parts, planned) == [("HANDED_OVER", "")]
        assert len(await messages(parts)) == 1

    async def test_while_leads_or_the_notifier_is_away_it_waits(self, parts: Sending) -> None:
        planned = await due(parts, parts.contact("an"))
        parts.audiences.away = True
        await parts.herald(retry_seconds=0.001).round()
        parts.audiences.away = False
        await parts.notifier_server.stop()
        await parts.sql("UPDATE contact_reminders SET try_time = now()")

        assert await parts.herald().round() == 1

        assert await listed(parts, planned) == [("WAITING", "")]
        assert await parts.herald().round() == 0

    async def test_news_come_in_any_order_and_before_it_is_recorded(self, parts: Sending) -> None:
        planned = await due(parts, parts.contact("an"))
        herald = parts.herald()
        taken = herald._hand_over

        async def with_news(batch: Any, found: Any) -> None:
            await taken(batch, found)
            bounced = await news(parts, message_pb2.MESSAGE_STATE_BOUNCED, 5, "MAILBOX_FULL")
            await parts.hear(bounced, await news(parts, message_pb2.MESSAGE_STATE_ACCEPTED, 4))

        herald._hand_over = with_news  # type: ignore[method-assign]
        await herald.round()

        assert await listed(parts, planned) == [("FAILED", "MAILBOX_FULL")]


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


async def change(parts: Sending, planned: Any, *paths: str, **changes: Any) -> Any:
    wanted = FollowUp(id=planned.id, **changes)
    request = pb2.UpdateFollowUpRequest(follow_up=wanted, update_mask=FieldMask(paths=paths))
    return await parts.follow_ups().UpdateFollowUp(request)


async def news(parts: Sending, state: Any, revision: int, reason: str = "") -> Any:
    """What the notifier tells of the one message that it has."""
    (row,) = await messages(parts)
    message = message_pb2.Message(
        id=str(row.message_id), state=state, revision=revision, reason=reason
    )
    return events_pb2.MessageSettled(message=message, caller=row.subject, request_id=row.request_id)


async def waits_for_a_lock(parts: Sending, task: "asyncio.Future[Any]") -> None:
    """Returns once the task's statement waits for another's lock; fails if it ends before."""
    async with asyncio.timeout(30):
        while not await parts.sql("SELECT FROM pg_locks WHERE NOT granted"):
            assert not task.done()


LOCK = text("SELECT FROM follow_ups WHERE id = :id FOR UPDATE")
