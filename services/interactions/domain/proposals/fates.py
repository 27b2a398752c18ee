"""What became of a letter after the notifier took it, and what that says of its proposal."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from services.interactions.domain.proposals.events import Errand, Happened
from services.interactions.domain.proposals.proposals import Proposal


class Fate(StrEnum):
    """How far a letter is, by the notifier's word."""

    ON_ITS_WAY = ""
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"


class News(NamedTuple):
    """What the notifier told of a letter; `reason` is its code, a greater revision is newer."""

    fate: Fate
    reason: str
    message_id: UUID
    revision: int


class Consequence(NamedTuple):
    """What is to be noted of a proposal, None for nothing, and the columns that change."""

    happened: Happened | None
    columns: Mapping[str, Any]


LOST: Mapping[Fate, Happened] = {
    Fate.BOUNCED: Happened.BOUNCED,
    Fate.FAILED: Happened.FAILED,
    Fate.SKIPPED: Happened.SKIPPED,
    Fate.IN_DOUBT: Happened.IN_DOUBT,
}


def consequence(kept: Proposal, kind: Errand, before: Fate, news: News) -> Consequence:
    """Returns what news of a letter of the last sending mean, whose fate was `before`.

    The notifier's word replaces what we thought. A reminder that is lost says nothing of the
    invitation; and what somebody has looked at has arrived, whatever comes back.
    """
    if kind is Errand.REMINDER:
        if news.fate not in LOST or news.fate is before:
            return Consequence(None, {})
        in_doubt = news.fate is Fate.IN_DOUBT
        return Consequence(Happened.REMINDER_IN_DOUBT if in_doubt else Happened.REMINDER_LOST, {})
    is_lost = news.fate in LOST
    failure = news.fate.value if is_lost and kept.view_time is None else ""
    columns = {
        "send_failure": failure,
        "send_failure_reason": news.reason if failure else "",
        "message_id": news.message_id,
    }
    if is_lost:
        return Consequence(LOST[news.fate] if news.fate is not before else None, columns)
    went = bool(kept.send_failure) and news.fate is not Fate.ON_ITS_WAY
    return Consequence(Happened.WENT if went else None, columns)
