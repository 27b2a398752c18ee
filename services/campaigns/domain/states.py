"""The states of runs and recipients, and which may follow which."""

from enum import StrEnum

from chassis.errors import FailedPrecondition


class RunState(StrEnum):
    """Where a run stands."""

    SCHEDULED = "SCHEDULED"
    PLANNING = "PLANNING"
    SENDING = "SENDING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class PauseReason(StrEnum):
    """Why a run is paused."""

    NONE = ""
    HAND = "HAND"
    COMPLAINTS = "COMPLAINTS"


class RecipientState(StrEnum):
    """What became of one recipient; all but EXCLUDED count towards the plan."""

    PLANNED = "PLANNED"
    HANDED_OVER = "HANDED_OVER"
    EXCLUDED = "EXCLUDED"
    DEFERRED = "DEFERRED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    IN_DOUBT = "IN_DOUBT"
    ACCEPTED = "ACCEPTED"
    DELIVERED = "DELIVERED"
    BOUNCED = "BOUNCED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"


class ExclusionReason(StrEnum):
    """Why a person of the audience gets no message."""

    NO_ADDRESS = "NO_ADDRESS"
    SHARED_ADDRESS = "SHARED_ADDRESS"
    NO_CONSENT = "NO_CONSENT"
    CONTACT_GONE = "CONTACT_GONE"
    INVALID_ADDRESS = "INVALID_ADDRESS"


R, M = RunState, RecipientState

NEXT: dict[RunState, frozenset[RunState]] = {
    R.SCHEDULED: frozenset({R.PLANNING, R.CANCELLED, R.EXPIRED}),
    R.PLANNING: frozenset({R.SENDING, R.PAUSED, R.CANCELLED, R.EXPIRED}),
    R.SENDING: frozenset({R.COMPLETED, R.PAUSED, R.CANCELLED, R.EXPIRED}),
    R.PAUSED: frozenset({R.PLANNING, R.SENDING, R.CANCELLED, R.EXPIRED}),
    R.COMPLETED: frozenset(),
    R.CANCELLED: frozenset(),
    R.EXPIRED: frozenset(),
}

# A campaign cannot change or start again while its run is in one of these.
GOING = frozenset({R.SCHEDULED, R.PLANNING, R.SENDING, R.PAUSED})

# What a notifier was told before a move is no longer true after it, so the epoch grows.
NEW_EPOCH: frozenset[tuple[RunState, RunState]] = frozenset(
    {(before, R.PAUSED) for before in (R.PLANNING, R.SENDING)}
    | {(R.PAUSED, after) for after in (R.PLANNING, R.SENDING)}
    | {(before, after) for before in GOING for after in (R.CANCELLED, R.EXPIRED)}
)

# A recipient in one of these keeps its run from being over.
UNSETTLED = frozenset({M.PLANNED, M.HANDED_OVER, M.DEFERRED})

# What the notifier calls a message's state, as a recipient's.
OF_MESSAGE: dict[str, RecipientState] = {
    "QUEUED": M.HANDED_OVER,
    "SUBMITTING": M.HANDED_OVER,
    "DEFERRED": M.DEFERRED,
    "SKIPPED": M.SKIPPED,
    "CANCELLED": M.CANCELLED,
    "EXPIRED": M.EXPIRED,
    "IN_DOUBT": M.IN_DOUBT,
    "ACCEPTED": M.ACCEPTED,
    "DELIVERED": M.DELIVERED,
    "BOUNCED": M.BOUNCED,
    "FAILED": M.FAILED,
    "ABANDONED": M.ABANDONED,
}

# Where the recipients go that were never handed over when their run ends early.
LEFT_BEHIND: dict[RunState, RecipientState] = {
    R.CANCELLED: M.CANCELLED,
    R.EXPIRED: M.EXPIRED,
}


# Whom a run may have left unreached; all the others got it, refused it, or may yet get it.
UNREACHED = frozenset(
    {M.SKIPPED, M.CANCELLED, M.EXPIRED, M.IN_DOUBT, M.BOUNCED, M.FAILED, M.ABANDONED}
)

# Of these some may have got it: nobody can know.
MAYBE_REACHED = frozenset({M.IN_DOUBT, M.ABANDONED})

# Reasons that do not pass with time: who refused, and addresses that nobody reads.
LASTING = frozenset(
    {
        "SUPPRESSED",
        "WITHDRAWN",
        "DO_NOT_CALL",
        "ASKED_BEFORE",
        "ADDRESS_INVALID",
        "MAILBOX_DISABLED",
    }
)


def advance(current: RunState, to: RunState) -> RunState:
    """Return `to` if a run in `current` may move there.

    Raises `FailedPrecondition` STATE_FORBIDS with the resource, the state and the wanted one.
    """
    if to not in NEXT[current]:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            f"a {current} run cannot become {to}",
            resource="run",
            state=current,
            to=to,
        )
    return to


def epoch_after(epoch: int, current: RunState, to: RunState) -> int:
    """Return the epoch of a run after the move: greater where notifiers must take notice."""
    return epoch + 1 if (current, to) in NEW_EPOCH else epoch
