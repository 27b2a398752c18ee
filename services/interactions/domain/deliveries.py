"""Deliveries: the message of a follow-up to one contact, and the sum of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from services.interactions.domain.follow_ups import Status


class State(StrEnum):
    """How far one is."""

    WAITING = "waiting"
    HANDED_OVER = "handed_over"
    SENT = "sent"
    DELIVERED = "delivered"
    SKIPPED = "skipped"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


class Reason(StrEnum):
    """Why we skipped or failed one before the notifier had it; its own reasons come besides."""

    NONE = ""
    CANCELLED = "CANCELLED"
    TOO_LATE = "TOO_LATE"
    CONTACT_GONE = "CONTACT_GONE"
    NO_ADDRESS = "NO_ADDRESS"
    ADDRESS_INVALID = "ADDRESS_INVALID"
    NO_CONSENT = "NO_CONSENT"
    RENDER_FAILED = "RENDER_FAILED"
    SENDER_MISSING = "SENDER_MISSING"
    MOVED = "MOVED"


class Key(NamedTuple):
    """Whose message of which follow-up."""

    follow_up_id: UUID
    contact_id: UUID


K = TypeVar("K")


class Delivery(NamedTuple, Generic[K]):
    """One as it is kept, `key` says of what.

    `claim` is the number of the last claim, `tries` how many there were, `revision` that of the
    notifier's news that it follows, 0 before any.
    """

    key: K
    state: State
    reason: str
    rule: str
    message_id: UUID | None
    claim: int
    tries: int
    revision: int
    due_time: datetime
    update_time: datetime


class News(NamedTuple):
    """What is to be known of one: of the notifier's with its revision, of ours with 0."""

    state: State
    reason: str = ""
    rule: str = ""
    message_id: UUID | None = None
    revision: int = 0


def told(kept: Delivery[K], news: News) -> Delivery[K] | None:
    """Return the delivery after news of the notifier's; None for what is old or of another.

    The notifier's word is the truth whatever we thought: it may have a message that was cancelled
    here while it was on its way there.
    """
    if kept.message_id not in (None, news.message_id) or news.revision <= kept.revision:
        return None
    return kept._replace(
        state=news.state,
        reason=news.reason,
        rule=news.rule,
        message_id=news.message_id,
        revision=news.revision,
    )


def recorded(kept: Delivery[K], claim: int, news: News) -> Delivery[K] | None:
    """Return the delivery after our own attempt under `claim`; None if that is out of date.

    One that was cancelled while the notifier took it is handed over all the same.
    """
    if kept.claim != claim or kept.revision:
        return None
    is_cancelled = (kept.state, kept.reason) == (State.SKIPPED, Reason.CANCELLED)
    if kept.state is not State.WAITING and not (is_cancelled and news.message_id):
        return None
    return kept._replace(
        state=news.state,
        reason=news.reason,
        rule=news.rule,
        message_id=news.message_id,
        revision=news.revision,
    )


def cancelled(kept: Delivery[Key]) -> Delivery[Key] | None:
    """Return the delivery of a follow-up that was closed; None where it is too late for that."""
    if kept.state is not State.WAITING:
        return None
    return kept._replace(state=State.SKIPPED, reason=Reason.CANCELLED.value)


def is_too_late(late: timedelta | None, due: datetime, now: datetime, tries: int) -> bool:
    """Return whether one is skipped for being late, at its first try.

    At a later one the notifier may have it already, and is asked.
    """
    return late is not None and tries <= 1 and now > due + late


COUNTED: Mapping[State, str] = {
    State.WAITING: "waiting",
    State.HANDED_OVER: "handed_over",
    State.SENT: "sent",
    State.DELIVERED: "sent",
    State.SKIPPED: "skipped",
    State.FAILED: "failed",
    State.IN_DOUBT: "in_doubt",
}
"""Which count of the progress each state is in."""

COUNTS = ("waiting", "handed_over", "sent", "skipped", "failed", "in_doubt")
_OPEN = ("waiting", "handed_over")

Progress = Mapping[str, int]


def planned(count: int) -> Progress:
    """Return the progress of a follow-up with so many contacts that nothing was done for."""
    return {name: 0 for name in COUNTS} | {"waiting": count}


def moved(progress: Progress, moves: Iterable[tuple[State, State]]) -> Progress:
    """Return the progress after deliveries went from one state to another."""
    counts = dict(progress)
    for before, after in moves:
        counts[COUNTED[before]] -= 1
        counts[COUNTED[after]] += 1
    return counts


def is_done(progress: Progress) -> bool:
    """Return whether every contact has an outcome."""
    return not any(progress[name] for name in _OPEN)


def ended_with_failures(standing: "Standing") -> bool:
    """Return whether one is completed and some contact's message failed."""
    return standing.status is Status.COMPLETED and standing.progress["failed"] > 0


def outcome(progress: Progress) -> str:
    """Return the counts in words, as the outcome of a follow-up that did itself."""
    return (
        f"sent {progress['sent']}, skipped {progress['skipped']}, "
        f"failed {progress['failed']}, in doubt {progress['in_doubt']}"
    )


class Standing(NamedTuple):
    """Of a follow-up what its deliveries change."""

    status: Status
    progress: Progress
    outcome: str
    is_resolved: bool


def after(kept: Standing, moves: Iterable[tuple[State, State]]) -> Standing:
    """Return how a follow-up stands after moves: completed once every contact has an outcome.

    One that completed itself says the counts as they are, also when they change later.
    """
    progress = moved(kept.progress, moves)
    is_ours = kept.status is Status.COMPLETED and kept.outcome == outcome(kept.progress)
    is_pending = kept.status in (Status.SCHEDULED, Status.OPEN)
    if is_ours or (is_pending and kept.is_resolved and is_done(progress)):
        return Standing(Status.COMPLETED, progress, outcome(progress), kept.is_resolved)
    return kept._replace(progress=progress)
