"""States of a message, and the one table that turns a provider's verdict into the next state."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum


class Channel(IntEnum):
    """A way to reach a person; the numbers of crm.notifier.v1.Channel."""

    SMS = 1
    EMAIL = 2


class Purpose(IntEnum):
    """What a message is for; the numbers of crm.notifier.v1.Purpose."""

    MARKETING = 1
    CARE = 2
    TRANSACTIONAL = 3
    CONSENT_REQUEST = 4


class State(IntEnum):
    """What became of a message; the numbers of crm.notifier.v1.MessageState."""

    QUEUED = 1
    SUBMITTING = 2
    DEFERRED = 3
    SKIPPED = 4
    CANCELLED = 5
    EXPIRED = 6
    IN_DOUBT = 7
    ACCEPTED = 8
    DELIVERED = 9
    BOUNCED = 10
    FAILED = 11
    ABANDONED = 12


ENDED = frozenset(State) - {State.QUEUED, State.SUBMITTING, State.DEFERRED, State.IN_DOUBT}


class RunState(StrEnum):
    """What a notifier knows of a run."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class Reason(StrEnum):
    """Stable codes that say why a message is where it is."""

    NONE = ""
    SUPPRESSED = "SUPPRESSED"
    OUTSIDE_HOURS = "OUTSIDE_HOURS"
    TIME_PASSED = "TIME_PASSED"
    RUN_CANCELLED = "RUN_CANCELLED"
    SENDER_MISSING = "SENDER_MISSING"
    SENDER_EXPIRED = "SENDER_EXPIRED"
    SENDER_INVALID = "SENDER_INVALID"
    DO_NOT_CALL = "DO_NOT_CALL"
    DO_NOT_CALL_STALE = "DO_NOT_CALL_STALE"
    CAP = "CAP"
    ASKED_BEFORE = "ASKED_BEFORE"
    CONTACT_ERASED = "CONTACT_ERASED"
    CONTENT_MISSING = "CONTENT_MISSING"
    RENDER_FAILED = "RENDER_FAILED"
    ADDRESS_INVALID = "ADDRESS_INVALID"
    MAILBOX_DISABLED = "MAILBOX_DISABLED"
    MAILBOX_FULL = "MAILBOX_FULL"
    CONTENT_REFUSED = "CONTENT_REFUSED"
    POLICY_REFUSED = "POLICY_REFUSED"
    GREYLISTED = "GREYLISTED"
    THROTTLED = "THROTTLED"
    TOO_LONG = "TOO_LONG"
    PROVIDER_BUSY = "PROVIDER_BUSY"
    PROVIDER_REFUSED = "PROVIDER_REFUSED"
    PARTLY_REFUSED = "PARTLY_REFUSED"
    RETRIES_ENDED = "RETRIES_ENDED"
    ANSWER_LOST = "ANSWER_LOST"
    WORKER_LOST = "WORKER_LOST"
    DOUBT_TOO_OLD = "DOUBT_TOO_OLD"
    SENT_AGAIN = "SENT_AGAIN"
    SETTLED_BY_HAND = "SETTLED_BY_HAND"
    NOT_DELIVERED = "NOT_DELIVERED"


class Verdict(StrEnum):
    """What a channel knows about one attempt."""

    TAKEN = "TAKEN"
    REFUSED = "REFUSED"
    BUSY = "BUSY"
    UNKNOWN = "UNKNOWN"
    NOT_WRITTEN = "NOT_WRITTEN"


@dataclass(frozen=True)
class Result:
    """The end of one attempt: the verdict, the provider's words and its ids of the parts."""

    verdict: Verdict
    answer: str = ""
    reason: Reason = Reason.NONE
    references: tuple[str, ...] = ()


# Reasons that speak of the address, not of the message or the provider's mood.
DEAD = frozenset({Reason.ADDRESS_INVALID, Reason.MAILBOX_DISABLED})


def says_dead(result: Result) -> bool:
    """Whether a provider said that nobody is at the address.

    Its answers begin with a code; what we refused to write ourselves says nothing of the address.
    """
    is_refused = result.verdict is Verdict.REFUSED and result.reason in DEAD
    return is_refused and result.answer[:1].isdigit()


@dataclass(frozen=True)
class Next:
    """Where a message goes; `not_before` only when DEFERRED, `rule` when a rule sends it there."""

    state: State
    reason: Reason = Reason.NONE
    not_before: datetime | None = None
    rule: str = ""


FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 15.0, 1800.0


def pause(attempt: int, chance: float) -> timedelta:
    """How long to wait after refusal number `attempt`; `chance` in [0, 1) spreads the load."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 16))
    return timedelta(seconds=longest * (0.5 + chance / 2))


def settle(
    result: Result, *, attempt: int, now: datetime, deadline: datetime, chance: float
) -> Next:
    """Where a message goes after attempt number `attempt` ended with `result`."""
    match result.verdict:
        case Verdict.TAKEN:
            return Next(State.ACCEPTED)
        case Verdict.REFUSED:
            return Next(State.FAILED, result.reason or Reason.PROVIDER_REFUSED)
        case Verdict.UNKNOWN:
            return Next(State.IN_DOUBT, Reason.ANSWER_LOST)
        case Verdict.NOT_WRITTEN:
            return Next(State.QUEUED)
        case Verdict.BUSY:
            again = now + pause(attempt, chance)
            if again >= deadline:
                return Next(State.FAILED, Reason.RETRIES_ENDED)
            return Next(State.DEFERRED, result.reason or Reason.PROVIDER_BUSY, again)


# Where a late outcome of the newest attempt may still be written.
SETTLED_FROM = (State.SUBMITTING, State.IN_DOUBT, State.ABANDONED)

# A receipt speaks for the handset or mailbox and overrules all but another receipt.
RECEIPT_FROM = (State.SUBMITTING, State.IN_DOUBT, State.ACCEPTED, State.ABANDONED)
