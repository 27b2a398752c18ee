"""Queues and standings in their protobuf form."""

from collections.abc import Mapping
from uuid import UUID

from crm.interactions.v1 import agenda_pb2

from services.interactions.domain.agenda import Queue
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.domain.standings import Standing
from services.interactions.messages import follow_ups, times

Standings = Mapping[UUID, Standing]

_QUEUE_OF: Mapping["agenda_pb2.Queue.ValueType", Queue] = {
    agenda_pb2.QUEUE_OVERDUE: Queue.OVERDUE,
    agenda_pb2.QUEUE_TODAY: Queue.TODAY,
    agenda_pb2.QUEUE_NO_NEXT_STEP: Queue.NO_NEXT_STEP,
}


def queue(given: "agenda_pb2.Queue.ValueType") -> Queue | None:
    """Returns the queue, None for one that was not said or is not known."""
    return _QUEUE_OF.get(given)


def standing(kept: Standing) -> agenda_pb2.Standing:
    """Returns where a contact stands."""
    return agenda_pb2.Standing(
        contact_id=str(kept.contact_id),
        next_follow_up_id=str(kept.next_id or ""),
        next_follow_up_time=times.out(kept.next_time),
        next_follow_up_title=kept.next_title,
        last_interaction_time=times.out(kept.last_time),
        last_interaction_kind=kept.last_kind,
    )


def planned(kept: FollowUp, standings: Standings) -> agenda_pb2.QueueItem:
    """Returns a line about a follow-up."""
    made = agenda_pb2.QueueItem(
        contact_id=str(kept.contact_id or ""), follow_up=follow_ups.out(kept)
    )
    return _standing(made, kept.contact_id, standings)


def idle(contact_id: UUID, standings: Standings) -> agenda_pb2.QueueItem:
    """Returns a line about a lead without a next step."""
    return _standing(agenda_pb2.QueueItem(contact_id=str(contact_id)), contact_id, standings)


def _standing(
    made: agenda_pb2.QueueItem, contact_id: UUID | None, standings: Standings
) -> agenda_pb2.QueueItem:
    if contact_id is not None and contact_id in standings:
        made.standing.CopyFrom(standing(standings[contact_id]))
    return made
