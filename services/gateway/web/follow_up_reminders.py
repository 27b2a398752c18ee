"""The part of a follow-up's or series' form that says when its assignees are reminded."""

from collections.abc import Iterable, Sequence

from crm.interactions.v1 import follow_up_pb2, series_pb2

from services.gateway.web import contact_reminders, follow_up_progress
from services.gateway.web.forms import Form

OFFERED = (5, 15, 60, 1_440)
"""Minutes before the start; others that are stored are offered too."""
FIELD, BY_EMAIL = "reminders", "remind_by_email"
FIELDS = (FIELD, BY_EMAIL, *contact_reminders.FIELDS)
"""Every input of this part."""


def read(form: Form, wanted: follow_up_pb2.FollowUp | series_pb2.Series) -> None:
    """Add what was ticked; notes what is no number of minutes."""
    channels = [follow_up_pb2.REMINDER_CHANNEL_IN_APP]
    if form.get(BY_EMAIL):
        channels.append(follow_up_pb2.REMINDER_CHANNEL_EMAIL)
    made: dict[int, follow_up_pb2.FollowUpReminder] = {}
    for minutes in contact_reminders.minutes(form, FIELD):
        made[minutes] = follow_up_pb2.FollowUpReminder(minutes_before=minutes, channels=channels)
    sender = contact_reminders.sender(form)
    for minutes in contact_reminders.asked(form):
        one = made.setdefault(minutes, follow_up_pb2.FollowUpReminder(minutes_before=minutes))
        if sender is not None:
            one.to_contact.CopyFrom(sender)
    wanted.reminders.extend(made.values())


def values(stored: follow_up_pb2.FollowUp | series_pb2.Series) -> dict[str, str | list[str]]:
    """Return what is ticked for a stored follow-up or series."""
    email = follow_up_pb2.REMINDER_CHANNEL_EMAIL
    return {
        FIELD: [str(it.minutes_before) for it in _of_colleagues(stored.reminders)],
        BY_EMAIL: ["1"] if any(email in it.channels for it in stored.reminders) else [],
        **contact_reminders.values(stored.reminders),
    }


def choices(
    form: Form, field: str = FIELD, offered: Sequence[int] = OFFERED
) -> list[tuple[str, str]]:
    """Return (minutes, words) of what may be ticked, the latest first."""
    ticked = [int(it) for it in form.all(field) if it.isascii() and it.isdigit()]
    return [(str(it), before_text(it)) for it in sorted({*offered, *ticked})]


def offers(form: Form) -> dict[str, list[tuple[str, str]]]:
    """Return what this part of the form offers to choose from."""
    to_contact = choices(form, contact_reminders.FIELD, contact_reminders.OFFERED)
    return {
        "reminders": choices(form),
        "contact_reminders": to_contact,
        "reminder_senders": contact_reminders.senders(form),
    }


def before_text(minutes: int) -> str:
    """Return how long before the start."""
    return follow_up_progress.late_text(minutes * 60)


def given(follow_up: follow_up_pb2.FollowUp) -> list[str]:
    """Return when the assignees are reminded, in words."""
    return [before_text(it.minutes_before) for it in _of_colleagues(follow_up.reminders)]


def _of_colleagues(
    reminders: Iterable[follow_up_pb2.FollowUpReminder],
) -> list[follow_up_pb2.FollowUpReminder]:
    return [it for it in reminders if it.channels or not it.HasField("to_contact")]
