"""Follow-ups in their protobuf form."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from crm.interactions.v1 import events_pb2, follow_up_batch_pb2, follow_up_pb2

from chassis.rpc import times
from services.interactions.domain import messages as stored
from services.interactions.domain import senders
from services.interactions.domain.follow_ups import FollowUp, Status, Type
from services.interactions.domain.messages import Purpose
from services.interactions.domain.reminders import Channel

_TYPES: Mapping[Type, "follow_up_pb2.FollowUpType.ValueType"] = {
    Type.CALL: follow_up_pb2.FOLLOW_UP_TYPE_CALL,
    Type.SMS: follow_up_pb2.FOLLOW_UP_TYPE_SMS,
    Type.EMAIL: follow_up_pb2.FOLLOW_UP_TYPE_EMAIL,
    Type.MEETING: follow_up_pb2.FOLLOW_UP_TYPE_MEETING,
}
_STATUSES: Mapping[Status, "follow_up_pb2.FollowUpStatus.ValueType"] = {
    Status.SCHEDULED: follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED,
    Status.OPEN: follow_up_pb2.FOLLOW_UP_STATUS_OPEN,
    Status.COMPLETED: follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED,
    Status.CANCELLED: follow_up_pb2.FOLLOW_UP_STATUS_CANCELLED,
}
_PURPOSES: Mapping[Purpose, "follow_up_pb2.MessagePurpose.ValueType"] = {
    Purpose.CARE: follow_up_pb2.MESSAGE_PURPOSE_CARE,
    Purpose.TRANSACTIONAL: follow_up_pb2.MESSAGE_PURPOSE_TRANSACTIONAL,
}
_CHANNELS: Mapping[Channel, "follow_up_pb2.ReminderChannel.ValueType"] = {
    Channel.IN_APP: follow_up_pb2.REMINDER_CHANNEL_IN_APP,
    Channel.EMAIL: follow_up_pb2.REMINDER_CHANNEL_EMAIL,
}
_CONTACT_CHANNELS: Mapping[stored.Channel, "follow_up_pb2.ContactReminderChannel.ValueType"] = {
    stored.Channel.EMAIL: follow_up_pb2.CONTACT_REMINDER_CHANNEL_EMAIL,
    stored.Channel.SMS: follow_up_pb2.CONTACT_REMINDER_CHANNEL_SMS,
}
_CONTACT_CHANNEL_OF = {number: channel for channel, number in _CONTACT_CHANNELS.items()}
_CHANNEL_OF = {number: channel for channel, number in _CHANNELS.items()}
_PURPOSE_OF = {number: purpose for purpose, number in _PURPOSES.items()}
_TYPE_OF = {number: kind for kind, number in _TYPES.items()}
_STATUS_OF = {number: status for status, number in _STATUSES.items()}


def out(
    kept: FollowUp, contacts: Sequence[UUID] = (), *, whole: bool = True
) -> follow_up_pb2.FollowUp:
    """Returns a follow-up as others may see it; `contacts` are those of one that has many.

    Unless it is `whole` its message is left out.
    """
    made = follow_up_pb2.FollowUp(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        title=kept.title,
        type=_TYPES[kept.type],
        status=_STATUSES[kept.status],
        contact_ids=[str(each) for each in ([kept.contact_id] if kept.contact_id else contacts)],
        contact_count=kept.contact_count,
        segment_id=str(kept.segment_id or ""),
        series_id=str(kept.series_id or ""),
        recurrence_time=times.out(kept.recurrence_time),
        batch_id=str(kept.batch_id or ""),
        assignee_ids=[str(each) for each in kept.assignee_ids],
        start_time=times.out(kept.start_time),
        end_time=times.out(kept.end_time),
        time_zone=kept.time_zone,
        description=kept.description,
        outcome=kept.outcome,
        category=kept.category,
        team_id=str(kept.team_id or ""),
        creator_id=kept.creator_id,
        create_time=times.out(kept.create_time),
        update_time=times.out(kept.update_time),
        close_time=times.out(kept.close_time),
    )
    made.reminders.extend(reminder(it) for it in kept.reminders)
    if kept.message is not None and whole:
        made.message.CopyFrom(message(kept.message))
    if kept.progress is not None:
        made.progress.CopyFrom(follow_up_pb2.FollowUpProgress(**kept.progress))
    return made


def message(kept: Mapping[str, Any]) -> follow_up_pb2.FollowUpMessage:
    """Returns what a follow-up sends, from what is kept of it."""
    loaded = stored.loaded(kept)
    made = follow_up_pb2.FollowUpMessage(
        purpose=_PURPOSES[loaded.purpose],
        advertiser_id=str(loaded.advertiser_id),
        sender_identity_id=str(loaded.sender_identity_id),
        subject=loaded.subject,
        html=loaded.html,
        text=loaded.text,
    )
    if loaded.skip_if_later is not None:
        made.skip_if_later.FromTimedelta(loaded.skip_if_later)
    return made


def message_fields(told: follow_up_pb2.FollowUpMessage) -> dict[str, Any]:
    """Returns the fields of a message as plain values."""
    is_late = told.HasField("skip_if_later")
    return {
        "purpose": _PURPOSE_OF.get(told.purpose, Purpose.CARE),
        "advertiser_id": told.advertiser_id,
        "sender_identity_id": told.sender_identity_id,
        "subject": told.subject,
        "html": told.html,
        "text": told.text,
        "skip_if_later": told.skip_if_later.ToTimedelta() if is_late else None,
    }


def fields(
    given: follow_up_pb2.FollowUp | follow_up_batch_pb2.FollowUpBatch, paths: Sequence[str]
) -> dict[str, Any]:
    """Returns the named fields as plain values; a type or time that was not said is None."""
    values: dict[str, Any] = {}
    for path in paths:
        value = getattr(given, path)
        if path == "type":
            value = _TYPE_OF.get(value)
        elif path in ("start_time", "end_time"):
            value = times.read(value)
        elif path in ("contact_ids", "assignee_ids"):
            value = list(value)
        elif path == "reminders":
            value = [reminder_fields(it) for it in value]
        elif path == "message" and isinstance(given, follow_up_pb2.FollowUp):
            value = message_fields(value) if given.HasField("message") else None
        values[path] = value
    return values


def reminder(kept: Mapping[str, Any]) -> follow_up_pb2.FollowUpReminder:
    """Returns a reminder, from what is kept of it."""
    channels = [_CHANNELS[Channel(it)] for it in kept["channels"]]
    made = follow_up_pb2.FollowUpReminder(minutes_before=kept["minutes_before"], channels=channels)
    if kept.get("to_contact"):
        sender = senders.loaded(kept["to_contact"])
        made.to_contact.CopyFrom(
            follow_up_pb2.ContactReminder(
                channel=_CONTACT_CHANNELS[sender.channel],
                advertiser_id=str(sender.advertiser_id),
                sender_identity_id=str(sender.sender_identity_id),
                purpose=_PURPOSES[sender.purpose],
            )
        )
    return made


def reminder_fields(told: follow_up_pb2.FollowUpReminder) -> dict[str, Any]:
    """Returns the fields of a reminder as plain values; a channel that is not known is left out."""
    channels = [_CHANNEL_OF[it] for it in told.channels if it in _CHANNEL_OF]
    to_contact = _sender_fields(told.to_contact) if told.HasField("to_contact") else None
    return {
        "minutes_before": told.minutes_before,
        "channels": channels,
        "to_contact": to_contact,
    }


def _sender_fields(told: follow_up_pb2.ContactReminder) -> dict[str, Any]:
    return {
        "channel": _CONTACT_CHANNEL_OF.get(told.channel),
        "advertiser_id": told.advertiser_id,
        "sender_identity_id": told.sender_identity_id,
        "purpose": _PURPOSE_OF.get(told.purpose, Purpose.CARE),
    }


def contact_channel_out(
    channel: stored.Channel,
) -> "follow_up_pb2.ContactReminderChannel.ValueType":
    """Returns how the contact is reminded."""
    return _CONTACT_CHANNELS[channel]


def type_out(kind: Type) -> "follow_up_pb2.FollowUpType.ValueType":
    """Returns what is to be done."""
    return _TYPES[kind]


def status_out(status: Status) -> "follow_up_pb2.FollowUpStatus.ValueType":
    """Returns how far it is."""
    return _STATUSES[status]


def type_of(given: "follow_up_pb2.FollowUpType.ValueType") -> Type | None:
    """Returns the type; None for one that is not said."""
    return _TYPE_OF.get(given)


def types(given: Sequence["follow_up_pb2.FollowUpType.ValueType"]) -> list[Type]:
    """Returns the types of a filter; one that is not said is left out."""
    return [_TYPE_OF[each] for each in given if each in _TYPE_OF]


def statuses(given: Sequence["follow_up_pb2.FollowUpStatus.ValueType"]) -> list[Status]:
    """Returns the statuses of a filter; one that is not said is left out."""
    return [_STATUS_OF[each] for each in given if each in _STATUS_OF]


def created(kept: FollowUp) -> events_pb2.FollowUpCreated:
    """Returns the event that it was planned."""
    return events_pb2.FollowUpCreated(follow_up=out(kept, whole=False))


def updated(kept: FollowUp) -> events_pb2.FollowUpUpdated:
    """Returns the event that it changed."""
    return events_pb2.FollowUpUpdated(follow_up=out(kept, whole=False))


def deleted(kept: FollowUp) -> events_pb2.FollowUpDeleted:
    """Returns the event that it was deleted after the revision `kept`."""
    return events_pb2.FollowUpDeleted(follow_up_id=str(kept.id), revision=kept.revision + 1)
