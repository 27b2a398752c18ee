"""Reminders to the contact of a call or meeting: each once for each start."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from services.interactions.domain import deliveries
from services.interactions.domain.deliveries import Delivery, Reason
from services.interactions.domain.senders import Sender


class Key(NamedTuple):
    """One reminder of one start, to one contact."""

    follow_up_id: UUID
    contact_id: UUID
    minutes_before: int
    start_time: datetime

    @property
    def due_time(self) -> datetime:
        """When it is to be given."""
        return self.start_time - timedelta(minutes=self.minutes_before)


class Reminder(NamedTuple):
    """One whose time has come, as it is kept."""

    delivery: Delivery[Key]
    sender: Sender


def why_not(
    reminder: Delivery[Key], *, is_pending: bool, contact_id: UUID | None, start: datetime
) -> Reason | None:
    """Return why one is not given while its follow-up stands so; None where it is.

    The notifier may have it from a try before: its news, being newer, stands then.
    """
    key = reminder.key
    if not is_pending or contact_id != key.contact_id:
        return Reason.CANCELLED
    return Reason.MOVED if start != key.start_time else None


def is_too_late(reminder: Delivery[Key], now: datetime) -> bool:
    """Return whether one is skipped since its follow-up has started, at its first try.

    After that the notifier may have it, and is asked about its time.
    """
    key = reminder.key
    within = timedelta(minutes=key.minutes_before)
    return deliveries.is_too_late(within, key.due_time, now, reminder.tries)
