"""What a run is, and its moves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from chassis.errors import FailedPrecondition
from services.campaigns.domain.campaigns import Audience
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.states import (
    ExclusionReason,
    PauseReason,
    RecipientState,
    RunState,
    advance,
    epoch_after,
)


@dataclass(frozen=True)
class Plan:
    """How far planning is: `cursor` is the ordinal of the last person that was decided on."""

    cursor: int = 0
    audience: int = 0
    planned: int = 0
    excluded: Mapping[ExclusionReason, int] = field(default_factory=dict)
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Run:
    """One sending of a campaign, with all that a chunk says of it."""

    id: UUID
    revision: int
    campaign_id: UUID
    run_date: date
    epoch: int
    state: RunState
    resume_state: RunState | None
    channel: Channel
    purpose: Purpose
    advertiser_id: UUID
    sender_identity_id: UUID
    content_hash: str
    variables: tuple[str, ...]
    audience: Audience
    not_after: datetime | None
    max_per_second: int
    key: bytes
    creator_id: str
    plan: Plan
    create_time: datetime
    plan_time: datetime | None
    end_time: datetime | None
    rows_gone_at: datetime | None = None
    pause_reason: PauseReason = PauseReason.NONE
    complaints: int = 0


Counts = Mapping[RecipientState, int]


@dataclass(frozen=True)
class Progress:
    """A run with the number of its recipients in each state; planned = their sum.

    `reasons` divides those that have one, by state and reason.
    """

    run: Run
    counts: Counts
    reasons: Mapping[tuple[RecipientState, str], int] = field(default_factory=dict)


def check_rows(run: Run) -> None:
    """Raise `FailedPrecondition` if the rows of an old run were let go of."""
    if run.rows_gone_at is not None:
        raise FailedPrecondition(
            "ROWS_GONE", "the rows of this run were let go of", resource="run", id=run.id
        )


def moved(run: Run, to: RunState, because: PauseReason = PauseReason.NONE) -> Run:
    """Return the run in state `to`: revision and, where notifiers must know, epoch grow.

    Raises `FailedPrecondition` where the state forbids it.
    """
    advance(run.state, to)
    return replace(
        run,
        revision=run.revision + 1,
        epoch=epoch_after(run.epoch, run.state, to),
        state=to,
        resume_state=run.state if to is RunState.PAUSED else None,
        pause_reason=because,
    )


def resumed(run: Run) -> Run:
    """Return a paused run in the state it was paused in."""
    if run.state is not RunState.PAUSED or run.resume_state is None:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            f"a {run.state} run cannot be resumed",
            resource="run",
            state=run.state,
            to=RunState.SENDING,
        )
    return moved(run, run.resume_state)


def planned(run: Run, now: datetime) -> Run:
    """Return a run whose plan is frozen and whose messages are sent from now on."""
    return replace(moved(run, RunState.SENDING), plan_time=now)


def ended(run: Run, now: datetime) -> Run:
    """Return a run whose messages have all come to an end."""
    done = moved(run, RunState.COMPLETED) if run.state is RunState.SENDING else run
    return replace(done, revision=run.revision + 1, end_time=now)


@dataclass(frozen=True)
class Bearable:
    """How many complaints are borne: at most `percent` of those a run reached.

    Asked once a run has reached `least`, so that one of ten says nothing.
    """

    percent: float
    least: int


def is_unbearable(progress: Progress, complaints: int, borne: Bearable) -> bool:
    """Return whether more of those a run reached complained than is borne; 0 percent bears all."""
    reached = sum(progress.counts.get(it, 0) for it in _REACHED)
    if not borne.percent or reached < borne.least:
        return False
    return complaints * 100 > reached * borne.percent


_REACHED = (RecipientState.ACCEPTED, RecipientState.DELIVERED)


def is_over(counts: Counts) -> bool:
    """Return whether no recipient waits for anything but a receipt."""
    waiting = (RecipientState.PLANNED, RecipientState.HANDED_OVER, RecipientState.DEFERRED)
    return not any(counts.get(state) for state in waiting)
