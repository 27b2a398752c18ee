"""Runs, their recipients, and the events that tell of them."""

from crm.campaigns.v1 import campaign_pb2, events_pb2, template_pb2
from crm.campaigns.v1 import run_pb2 as pb

from chassis.rpc import times
from services.campaigns.domain.runs import Progress
from services.campaigns.domain.states import LASTING, ExclusionReason, RecipientState
from services.campaigns.messages import kinds
from services.campaigns.storage.recipients import Recipient


def run(progress: Progress) -> pb.Run:
    """Return a run with its counts as clients see it."""
    stored = progress.run
    return pb.Run(
        id=str(stored.id),
        revision=stored.revision,
        campaign_id=str(stored.campaign_id),
        run_date=stored.run_date.isoformat(),
        epoch=stored.epoch,
        state=kinds.number(campaign_pb2.RunState, stored.state),
        channel=kinds.number(template_pb2.Channel, stored.channel),
        purpose=kinds.number(template_pb2.Purpose, stored.purpose),
        audience=stored.plan.audience,
        excluded=[
            pb.ExcludedCount(reason=kinds.number(campaign_pb2.ExclusionReason, reason), count=count)
            for reason in ExclusionReason
            if (count := stored.plan.excluded.get(reason, 0))
        ],
        planned=stored.plan.planned,
        counts=_counts(progress),
        create_time=times.out(stored.create_time),
        plan_time=times.out(stored.plan_time),
        end_time=times.out(stored.end_time),
        rows_gone_time=times.out(stored.rows_gone_at),
        not_after=times.out(stored.not_after),
        pause_reason=kinds.number(pb.RunPauseReason, stored.pause_reason or None),
        complaints=stored.complaints,
        reasons=[
            pb.ReasonCount(
                state=kinds.number(pb.RecipientState, state),
                reason=reason,
                count=count,
                lasting=reason in LASTING,
            )
            for (state, reason), count in progress.reasons.items()
        ],
    )


def recipient(stored: Recipient) -> pb.Recipient:
    """Return one person of a run as clients see it."""
    return pb.Recipient(
        message_id=str(stored.message_id or ""),
        run_id=str(stored.run_id),
        contact_id=str(stored.contact_id),
        channel=kinds.number(template_pb2.Channel, stored.channel),
        address=stored.address,
        state=kinds.number(pb.RecipientState, stored.state),
        reason=stored.reason,
        rule=stored.rule,
        update_time=times.out(stored.update_time),
        campaign_name=stored.campaign_name,
        campaign_id=str(stored.campaign_id),
    )


def recipient_state(number: int) -> RecipientState | None:
    """Return the state a filter asks for, None for any."""
    return kinds.kind(pb.RecipientState, RecipientState, number)


def started(progress: Progress) -> events_pb2.RunStarted:
    """Return the event of a run's beginning."""
    return events_pb2.RunStarted(run=run(progress))


def planned(progress: Progress) -> events_pb2.RunPlanned:
    """Return the event of a frozen plan."""
    return events_pb2.RunPlanned(run=run(progress))


def paused(progress: Progress) -> events_pb2.RunPaused:
    """Return the event of a pause."""
    return events_pb2.RunPaused(run=run(progress))


def resumed(progress: Progress) -> events_pb2.RunResumed:
    """Return the event of a run that goes on."""
    return events_pb2.RunResumed(run=run(progress))


def cancelled(progress: Progress) -> events_pb2.RunCancelled:
    """Return the event of a run that was cancelled or has expired."""
    return events_pb2.RunCancelled(run=run(progress))


def completed(progress: Progress) -> events_pb2.RunCompleted:
    """Return the event of a run's end."""
    return events_pb2.RunCompleted(run=run(progress))


def _counts(progress: Progress) -> pb.RecipientCounts:
    counts = pb.RecipientCounts()
    for state, count in progress.counts.items():
        name = "waiting" if state is RecipientState.PLANNED else state.value.lower()
        setattr(counts, name, count)
    return counts
