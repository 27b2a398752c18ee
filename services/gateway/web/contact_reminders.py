"""Reminders to the contact of a call or meeting: a part of its form, and what became of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crm.interactions.v1 import delivery_pb2, follow_up_pb2, follow_up_service_pb2
from crm.interactions.v1.follow_up_service_pb2_grpc import FollowUpServiceStub
from crm.notifier.v1 import message_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.gateway.web import desk, follow_up_progress, lookups, names
from services.gateway.web.forms import Form

OFFERED = (60, 1_440, 2_880)
"""Minutes before the start; others that are stored are offered too."""
FIELD, SENDER, PURPOSE = "remind_contact", "remind_contact_by", "remind_contact_purpose"
FIELDS = (FIELD, SENDER, PURPOSE)
MET = ("call", "meeting")
"""Types whose contact is reminded."""
_MOST = 5
REFUSED = tuple(f"reminders[{at}].to_contact" for at in range(_MOST))
"""What a service may refuse of it; see `place`."""
SHOWN = 20

Channel = follow_up_pb2.ContactReminderChannel
_PENDING = (follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED, follow_up_pb2.FOLLOW_UP_STATUS_OPEN)


@dataclass(frozen=True)
class Shown:
    """One on the page of its follow-up; `state` is empty for one whose time has not come."""

    minutes_before: int
    channel: str
    start_time: Timestamp
    state: str = ""
    reason: str = ""
    rule: str = ""


def minutes(form: Form, field: str) -> list[int]:
    """Return what was ticked; notes what is no number of minutes."""
    found = []
    for each in form.all(field):
        if each.isascii() and each.isdigit() and len(each) < 6:
            found.append(int(each))
        else:
            form.refuse(field, desk.t("form.whole_number"))
    return found


def asked(form: Form) -> list[int]:
    """Return the minutes that were ticked of what has a contact to be reminded."""
    return minutes(form, FIELD) if form.get("type") in MET else []


def sender(form: Form) -> follow_up_pb2.ContactReminder | None:
    """Return how the contact is to be reminded; notes that nobody was chosen to do it."""
    if not asked(form):
        return None
    channel, _, ids = form.get(SENDER).partition("/")
    advertiser, _, identity = ids.partition("/")
    number = names.value(Channel, channel)
    if not (number and advertiser and identity):
        form.refuse(SENDER, desk.t("follow_ups.choose_contact_sender"))
        return None
    purpose = names.value(follow_up_pb2.MessagePurpose, form.get(PURPOSE))
    return follow_up_pb2.ContactReminder(
        channel=Channel.ValueType(number),
        advertiser_id=advertiser,
        sender_identity_id=identity,
        purpose=follow_up_pb2.MessagePurpose.ValueType(purpose),
    )


def values(stored: Iterable[follow_up_pb2.FollowUpReminder]) -> dict[str, str | list[str]]:
    """Return what the inputs hold for stored reminders; one sender stands for all."""
    to_contact = [it for it in stored if it.HasField("to_contact")]
    if not to_contact:
        return {}
    first = to_contact[0].to_contact
    return {
        FIELD: [str(it.minutes_before) for it in to_contact],
        SENDER: _value(
            names.short(Channel, first.channel), first.advertiser_id, first.sender_identity_id
        ),
        PURPOSE: names.short(follow_up_pb2.MessagePurpose, first.purpose),
    }


def senders(form: Form) -> list[tuple[str, str]]:
    """Return (value, words) of who may remind the contact; what is chosen is offered always."""
    found = {}
    for it in lookups.sender_identities():
        channel = names.short(message_pb2.Channel, it.channel)
        named = " ".join(part for part in (it.display_name, it.address) if part)
        words = f"{desk.t(f'channel.{channel}')} · {named}"
        found[_value(channel, it.advertiser_id, it.id)] = words
    chosen = form.get(SENDER)
    if chosen and chosen not in found:
        found[chosen] = chosen.rpartition("/")[2]
    return list(found.items())


def place(form: Form) -> None:
    """Put what a service refused of it to the input that it is about."""
    for name in REFUSED:
        if name in form.wrong:
            form.wrong.setdefault(SENDER, form.wrong.pop(name))


def shown(follow_up: follow_up_pb2.FollowUp) -> list[Shown]:
    """Return those of a follow-up: first those to come, then what became of the others."""
    if names.short(follow_up_pb2.FollowUpType, follow_up.type) not in MET:
        return []
    asked = follow_up_service_pb2.ListContactRemindersRequest(
        follow_up_id=follow_up.id, page_size=SHOWN
    )
    found = desk.maybe(
        lambda: desk.ask(FollowUpServiceStub).ListContactReminders(asked), source="interactions"
    )
    told: Sequence[delivery_pb2.ContactReminderDelivery] = found.reminders if found else ()
    return [*_to_come(follow_up, told), *map(_told, told)]


def _to_come(
    follow_up: follow_up_pb2.FollowUp, told: Iterable[delivery_pb2.ContactReminderDelivery]
) -> list[Shown]:
    if follow_up.status not in _PENDING:
        return []
    given = {it.minutes_before for it in told if it.start_time == follow_up.start_time}
    return [
        Shown(
            it.minutes_before,
            names.short(Channel, it.to_contact.channel),
            follow_up.start_time,
        )
        for it in follow_up.reminders
        if it.HasField("to_contact") and it.minutes_before not in given
    ]


def _told(it: delivery_pb2.ContactReminderDelivery) -> Shown:
    return Shown(
        it.minutes_before,
        names.short(Channel, it.channel),
        it.start_time,
        follow_up_progress.state_name(it.state),
        it.reason,
        it.rule,
    )


def _value(channel: str, advertiser_id: str, identity_id: str) -> str:
    return f"{channel}/{advertiser_id}/{identity_id}"
