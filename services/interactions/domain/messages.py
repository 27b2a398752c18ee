"""What a follow-up says by itself: checked when it is saved, told again from what was kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.interactions.domain import fields
from services.interactions.domain.fields import Problems

LONGEST_SUBJECT = 500
LONGEST_HTML = 256 * 1024
LONGEST_SMS = 2_000
LATEST = timedelta(days=366)


class Channel(StrEnum):
    """How it goes."""

    SMS = "sms"
    EMAIL = "email"


class Purpose(StrEnum):
    """What it is for; advertising goes by campaigns only."""

    CARE = "care"
    TRANSACTIONAL = "transactional"


@dataclass(frozen=True)
class Message:
    """What is sent: `subject`, `html` and `text` are templates."""

    purpose: Purpose
    advertiser_id: UUID
    sender_identity_id: UUID
    subject: str
    html: str
    text: str
    skip_if_later: timedelta | None = None

    @property
    def templates(self) -> Mapping[str, str]:
        """The parts that say something."""
        parts = {"subject": self.subject, "html": self.html, "text": self.text}
        return {name: source for name, source in parts.items() if source}


def limits(channel: Channel) -> Mapping[str, int]:
    """Return the most characters that each part may render to."""
    if channel is Channel.SMS:
        return {"text": LONGEST_SMS}
    return {"subject": LONGEST_SUBJECT, "html": LONGEST_HTML, "text": LONGEST_HTML}


def channel_of(type_: str) -> Channel | None:
    """Return the channel of a type of follow-up, None for one that people do."""
    return Channel(type_) if type_ in set(Channel) else None


def stored(message: Message) -> dict[str, Any]:
    """Return a message as it is kept."""
    late = message.skip_if_later
    return {
        "purpose": message.purpose.value,
        "advertiser_id": str(message.advertiser_id),
        "sender_identity_id": str(message.sender_identity_id),
        "subject": message.subject,
        "html": message.html,
        "text": message.text,
        "skip_if_later": late.total_seconds() if late is not None else None,
    }


def loaded(kept: Mapping[str, Any]) -> Message:
    """Return what was kept by `stored`."""
    late = kept["skip_if_later"]
    return Message(
        Purpose(kept["purpose"]),
        UUID(kept["advertiser_id"]),
        UUID(kept["sender_identity_id"]),
        kept["subject"],
        kept["html"],
        kept["text"],
        timedelta(seconds=late) if late is not None else None,
    )


def checked(
    given: Mapping[str, Any], channel: Channel, field: str, problems: Problems
) -> Message | None:
    """Return the message, None where something is wrong with it, which is noted.

    `given` has the fields of `FollowUpMessage` by name; `skip_if_later` a timedelta or None.
    """
    advertiser = fields.uuid(given["advertiser_id"], f"{field}.advertiser_id", problems)
    sender = fields.uuid(given["sender_identity_id"], f"{field}.sender_identity_id", problems)
    parts = _parts(given, channel, field, problems)
    late = given["skip_if_later"]
    if late is not None and not timedelta(0) < late <= LATEST:
        problems.add(f"{field}.skip_if_later", "not between a moment and a year")
    if advertiser is None or sender is None:
        return None
    return Message(Purpose(given["purpose"]), advertiser, sender, *parts, late)


def changed(
    columns: dict[str, Any],
    before: tuple[str, Mapping[str, Any] | None] | None,
    field: str,
    problems: Problems,
) -> tuple[Message | None, bool]:
    """Put the message among columns that change as it is kept; note what does not go together.

    `before` has the type and the message as they were. Returns the message if it was given and
    may be admitted, and whether there is one in the end.
    """
    kind = columns.get("type") or (before[0] if before else None)
    given = columns.get("message", before[1] if before else None)
    if given is None or kind is None:
        return None, given is not None
    message, channel = None, channel_of(kind)
    if channel is None:
        problems.add(field, "only an SMS or e-mail sends itself")
    elif "message" in columns:
        message = checked(given, channel, field, problems)
        columns["message"] = stored(message) if message else None
    elif before is not None and kind != before[0]:
        problems.add(field, "is needed where the type changes")
    return message, True


def _parts(
    given: Mapping[str, Any], channel: Channel, field: str, problems: Problems
) -> tuple[str, str, str]:
    if channel is Channel.SMS:
        for name in ("subject", "html"):
            if given[name]:
                problems.add(f"{field}.{name}", "an SMS has text only")
        text = fields.text(given["text"], f"{field}.text", LONGEST_SMS, problems, required=True)
        return "", "", text
    longest, needs_text = LONGEST_HTML, not given["html"].strip()
    return (
        fields.text(given["subject"], f"{field}.subject", LONGEST_SUBJECT, problems, required=True),
        fields.text(given["html"], f"{field}.html", longest, problems),
        fields.text(given["text"], f"{field}.text", longest, problems, required=needs_text),
    )
