"""Reminders to the contact of a call or meeting: one for each start, whatever happens between."""

import asyncio
from datetime import UTC
from typing import Any
from uuid import UUID

from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.interactions.v1.follow_up_pb2 import FollowUpReminder
from crm.leads.v1 import contact_pb2
from crm.notifier.v1 import message_pb2

from chassis import scope
from chassis.context import Level
from services.interactions.domain.timeline import Kind
from services.interactions.storage import timeline
from services.interactions.workers import remind_batch
from tests.integration.interactions.contact_reminder_parts import (
    EMAIL,
    MEETING,
    MINUTES,
    SMS,
    TRANSACTIONAL,
    due,
    killed,
    listed,
    messages,
    news,
    pass_,
    plan,
    reminder,
)
from tests.integration.interactions.delivery_parts import Sending
from tests.integration.interactions.house import person
from tests.integration.notifier.mail_parts import MailServer

SEEING_ALL = scope.of(person(), Level.ALL)


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
        await killed(parts)
        assert await listed(parts, planned) == [("WAITING", "")]
        parts.leads.contacts[an].display_name = "Ánh"

        await parts.herald().round()

        assert await listed(parts, planned) == [("HANDED_OVER", "")]
        assert len(await messages(parts)) == 1

    async def test_one_that_was_cancelled_meanwhile_tells_what_the_notifier_did(
        self, parts: Sending
    ) -> None:
        planned = await due(parts, parts.contact("an"))
        await killed(parts)
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
