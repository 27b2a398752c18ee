"""The part of a follow-up's or series' form that says when its assignees are reminded."""

from crm.interactions.v1 import follow_up_pb2, series_pb2

from services.gateway.web import desk, follow_up_progress
from services.gateway.web.forms import Form

OFFERED = (5, 15, 60, 1_440)
"""Minutes before the start; others that are stored are offered too."""
FIELD, BY_EMAIL = "reminders", "remind_by_email"


def read(form: Form, wanted: follow_up_pb2.FollowUp | series_pb2.Series) -> None:
    """Add what was ticked; notes what is no number of minutes."""
    channels = [follow_up_pb2.REMINDER_CHANNEL_IN_APP]
    if form.get(BY_EMAIL):
        channels.append(follow_up_pb2.REMINDER_CHANNEL_EMAIL)
    for minutes in form.all(FIELD):
        if minutes.isascii() and minutes.isdigit() and len(minutes) < 6:
            wanted.reminders.add(minutes_before=int(minutes), channels=channels)
        else:
            form.refuse(FIELD, desk.t("form.whole_number"))


def values(stored: follow_up_pb2.FollowUp | series_pb2.Series) -> dict[str, str | list[str]]:
    """Return what is ticked for a stored follow-up or series."""
    email = follow_up_pb2.REMINDER_CHANNEL_EMAIL
    return {
        FIELD: [str(it.minutes_before) for it in stored.reminders],
        BY_EMAIL: ["1"] if any(email in it.channels for it in stored.reminders) else [],
    }


def choices(form: Form) -> list[tuple[str, str]]:
    """Return (minutes, words) of what may be ticked, the latest first."""
    ticked = [int(it) for it in form.all(FIELD) if it.isascii() and it.isdigit()]
    return [(str(it), before_text(it)) for it in sorted({*OFFERED, *ticked})]


def before_text(minutes: int) -> str:
    """Return how long before the start."""
    return follow_up_progress.late_text(minutes * 60)
