"""Queues and standings in their protobuf form."""

from collections.abc import Mapping
from uuid import UUID

from crm.interactions.v1 import agenda_pb2

from chassis.rpc import times
from services.interactions.domain.agenda import Queue, Waiting
from services.interactions.domain.standings import Order, Standing
from services.interactions.messages import follow_ups

Standings = Mapping[UUID, Standing]

_QUEUE_OF: Mapping["agenda_pb2.Queue.ValueType", Queue] = {
    agenda_pb2.QUEUE_OVERDUE: Queue.OVERDUE,
    agenda_pb2.QUEUE_TODAY: Queue.TODAY,
    agenda_pb2.QUEUE_NO_NEXT_STEP: Queue.NO_NEXT_STEP,
}
_ORDER_OF: Mapping["agenda_pb2.StandingOrder.ValueType", Order] = {
    agenda_pb2.STANDING_ORDER_UNSPECIFIED: Order.NEXT_EARLIEST,
    agenda_pb2.STANDING_ORDER_NEXT_EARLIEST: Order.NEXT_EARLIEST,
    agenda_pb2.STANDING_ORDER_NEXT_LATEST: Order.NEXT_LATEST,
    agenda_pb2.STANDING_ORDER_LAST_OLDEST: Order.LAST_OLDEST,
}


def order(given: "agenda_pb2.StandingOrder.ValueType") -> Order | None:
    """Returns the order, None for one that is not known."""
    return _ORDER_OF.get(given)


def queue(given: "agenda_pb2.Queue.ValueType") -> Queue | None:
    """Returns the queue, None for one that was not said or is not known."""
    return _QUEUE_OF.get(given)


def standing(kept: Standing) -> agenda_pb2.Standing:
    """Returns where a contact stands."""
    return agenda_pb2.Standing(
        contact_id=str(kept.contact_id),
        next_follow_up_id=str(kept.next_id or ""),
        next_follow_up_time=times.out(kept.next_time),
        next_follow_up_end_time=times.out(kept.next_end_time),
        next_follow_up_title=kept.next_title,
        last_interaction_time=times.out(kept.last_time),
        last_interaction_kind=kept.last_kind,
    )


def item(line: Waiting, standings: Standings) -> agenda_pb2.QueueItem:
    """Returns one line of a queue."""
    stands = standings.get(line.contact_id) if line.contact_id else None
    return agenda_pb2.QueueItem(
        contact_id=str(line.contact_id or ""),
        follow_up=follow_ups.out(line.follow_up) if line.follow_up else None,
        standing=standing(stands) if stands else None,
    )
