"""E-mails that remind the assignees of a follow-up."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from services.interactions.domain import fields
from services.interactions.domain.follow_ups import DEFAULT_TIME_ZONE


class State(StrEnum):
    """How far one is."""

    WAITING = "waiting"
    HANDED_OVER = "handed_over"
    SKIPPED = "skipped"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


class Reason(StrEnum):
    """Why one did not go; the notifier's own reasons come besides."""

    ENDED = "ENDED"
    NOT_ALLOWED = "NOT_ALLOWED"
    NO_ADDRESS = "NO_ADDRESS"
    SENDER_MISSING = "SENDER_MISSING"
    TOO_LATE = "TOO_LATE"


class Key(NamedTuple):
    """One reminder of one start, for one colleague."""

    follow_up_id: UUID
    user_id: UUID
    minutes_before: int
    start_time: datetime


@dataclass(frozen=True)
class Colleague:
    """Where somebody reads mail, in which language and by which clock."""

    address: str
    locale: str
    time_zone: str

    @property
    def zone(self) -> str:
        """The zone of the clock, the house's own for one that nobody knows."""
        return self.time_zone if fields.is_time_zone(self.time_zone) else DEFAULT_TIME_ZONE


@dataclass(frozen=True)
class Words:
    """An e-mail as it is handed over, the same at each try."""

    address: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Waiting:
    """One that was claimed: `attempts` counts this one; it has words since its first."""

    key: Key
    attempts: int
    words: Words | None


@dataclass(frozen=True)
class Letter:
    """A mail to a colleague as the notifier gets it.

    `request_id` names the message: the notifier makes one of however many requests.
    """

    request_id: str
    words: Words
    advertiser_id: UUID
    sender_identity_id: UUID
    not_after: datetime


def request_id(key: Key) -> str:
    """Returns the name of a reminder's message."""
    at = f"{key.start_time.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
    return f"reminder/{key.follow_up_id}/{key.minutes_before}/{at}/{key.user_id}"


_TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "subject": "Nhắc nhở: {title}",
        "when": "Bắt đầu lúc {time:%H:%M} ngày {time:%d/%m/%Y} ({zone}).",
        "open": "Mở lịch theo dõi",
    },
    "en": {
        "subject": "Reminder: {title}",
        "when": "It starts at {time:%H:%M} on {time:%d %B %Y} ({zone}).",
        "open": "Open the follow-up",
    },
}


def written(title: str, start: datetime, link: str, to: Colleague) -> Words:
    """Returns the e-mail that tells a colleague what is about to start."""
    texts = _TEXTS.get(to.locale, _TEXTS["vi"])
    when = texts["when"].format(time=start.astimezone(ZoneInfo(to.zone)), zone=to.zone)
    shown = f"<p><strong>{html.escape(title)}</strong></p><p>{html.escape(when)}</p>"
    button = f'<p><a href="{html.escape(link)}">{html.escape(texts["open"])}</a></p>'
    # A title is one line without characters that no subject may hold.
    line = "".join(it if it.isprintable() else " " for it in texts["subject"].format(title=title))
    return Words(to.address, line, f"{title}\n\n{when}\n\n{link}\n", shown + button)
