"""Reminders to contacts in their protobuf form."""

from crm.interactions.v1 import delivery_pb2

from chassis.rpc import times
from services.interactions.domain.contact_reminders import Reminder
from services.interactions.messages import deliveries, follow_ups


def out(kept: Reminder) -> delivery_pb2.ContactReminderDelivery:
    """Returns a reminder as others may see it."""
    delivery = kept.delivery
    return delivery_pb2.ContactReminderDelivery(
        follow_up_id=str(delivery.key.follow_up_id),
        contact_id=str(delivery.key.contact_id),
        minutes_before=delivery.key.minutes_before,
        start_time=times.out(delivery.key.start_time),
        channel=follow_ups.contact_channel_out(kept.sender.channel),
        state=deliveries.state_out(delivery.state),
        reason=delivery.reason,
        rule=delivery.rule,
        message_id=str(delivery.message_id or ""),
        update_time=times.out(delivery.update_time),
    )
