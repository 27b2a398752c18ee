"""Batches in their protobuf form."""

from collections.abc import Mapping, Sequence

from crm.interactions.v1 import events_pb2, follow_up_batch_pb2, series_pb2

from chassis.rpc import times
from services.interactions.domain.batches import Batch, Made, State
from services.interactions.messages import follow_ups

_STATES: Mapping[State, "follow_up_batch_pb2.FollowUpBatchState.ValueType"] = {
    State.RUNNING: follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_RUNNING,
    State.COMPLETED: follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_COMPLETED,
    State.CANCELLED: follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_CANCELLED,
    State.REVERTING: follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_REVERTING,
    State.REVERTED: follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_REVERTED,
}


def out(kept: Batch) -> follow_up_batch_pb2.FollowUpBatch:
    """Returns a batch as others may see it: with how far it is, without its contacts."""
    return follow_up_batch_pb2.FollowUpBatch(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        title=kept.title,
        type=follow_ups.type_out(kept.type),
        segment_id=str(kept.segment_id or ""),
        assign_to_owner=kept.assign_to_owner,
        assignee_ids=[str(each) for each in kept.assignee_ids],
        start_time=times.out(kept.start_time),
        end_time=times.out(kept.end_time),
        time_zone=kept.time_zone,
        description=kept.description,
        category=kept.category,
        team_id=str(kept.team_id or ""),
        state=_STATES[kept.state],
        contact_count=kept.contact_count,
        made_count=kept.made_count,
        left_out_count=kept.left_out_count,
        cancelled_count=kept.cancelled_count,
        kept_count=kept.kept_count,
        gone_count=kept.gone_count,
        creator_id=kept.creator_id,
        create_time=times.out(kept.create_time),
        update_time=times.out(kept.update_time),
    )


def planned(batch: Batch, made: Sequence[Made]) -> events_pb2.OccurrencesPlanned:
    """Returns the event that follow-ups were made."""
    told = [
        series_pb2.PlannedOccurrence(
            follow_up_id=str(it.id),
            batch_id=str(batch.id),
            contact_id=str(it.contact_id),
            start_time=times.out(batch.start_time),
        )
        for it in made
    ]
    return events_pb2.OccurrencesPlanned(occurrences=told)


def values(kept: Batch) -> dict[str, object]:
    """Returns what the audit log tells of a batch."""
    names = (
        *("title", "type", "segment_id", "contact_count", "assign_to_owner", "assignee_ids"),
        *("start_time", "end_time", "category", "team_id", "state", "made_count"),
    )
    return {name: getattr(kept, name) for name in names}
