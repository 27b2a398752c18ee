"""Calls whose contact is reminded, for tests."""

from datetime import timedelta
from typing import Any

from crm.interactions.v1 import delivery_pb2, follow_up_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.interactions.v1.follow_up_pb2 import ContactReminder, FollowUp, FollowUpReminder
from crm.notifier.v1 import events_pb2, message_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from services.interactions.workers import remind_batch
from tests.integration.interactions.delivery_parts import Sending, killed_before_it_recorded
from tests.integration.interactions.house import later
from tests.integration.notifier.notifier_parts import ADVERTISER, EMAIL_SENDER, SMS_SENDER

CALL, MEETING = follow_up_pb2.FOLLOW_UP_TYPE_CALL, follow_up_pb2.FOLLOW_UP_TYPE_MEETING
EMAIL = follow_up_pb2.CONTACT_REMINDER_CHANNEL_EMAIL
SMS = follow_up_pb2.CONTACT_REMINDER_CHANNEL_SMS
TRANSACTIONAL = follow_up_pb2.MESSAGE_PURPOSE_TRANSACTIONAL
MINUTES = 15


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


async def killed(parts: Sending) -> None:
    """A replica hands over, is killed before it records, and its lease ends."""
    await killed_before_it_recorded(parts.herald())
    await parts.sql("UPDATE contact_reminders SET try_time = now()")


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
    return events_pb2.SettledMessage(message=message, caller=row.subject, request_id=row.request_id)
