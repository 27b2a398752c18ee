"""The names under which messages are handed over, however often, and whose message each names."""

from datetime import UTC, datetime
from uuid import UUID

from services.interactions.domain import contact_reminders, deliveries

MESSAGE, REMINDER = "follow-up", "follow-up-reminder"
_TIME = "%Y%m%dT%H%M%S.%fZ"

Key = deliveries.Key | contact_reminders.Key


def request_id(key: Key) -> str:
    """Returns the name of a follow-up's message to a contact, or of a reminder to one."""
    if isinstance(key, deliveries.Key):
        return f"{MESSAGE}:{key.follow_up_id}:{key.contact_id}"
    start = f"{key.start_time.astimezone(UTC):{_TIME}}"
    return f"{REMINDER}:{key.follow_up_id}:{key.contact_id}:{start}:{key.minutes_before}"


def key_of(name: str) -> Key | None:
    """Returns whose message has a name that `request_id` gave; None for another's.

    Raises `ValueError` for one that begins like ours.
    """
    kind, *parts = name.split(":")
    if kind == MESSAGE and len(parts) == 2:
        return deliveries.Key(UUID(parts[0]), UUID(parts[1]))
    if kind == REMINDER and len(parts) == 4:
        start = datetime.strptime(parts[2], _TIME).replace(tzinfo=UTC)
        return contact_reminders.Key(UUID(parts[0]), UUID(parts[1]), int(parts[3]), start)
    return None
