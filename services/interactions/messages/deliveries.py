"""Deliveries in their protobuf form, to those who read and from those who tell."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from crm.interactions.v1 import delivery_pb2
from crm.notifier.v1 import events_pb2, message_pb2

from chassis.rpc import times
from services.interactions.domain.deliveries import Delivery, Key, News, State
from services.interactions.messages import names

_STATES: Mapping[State, "delivery_pb2.DeliveryState.ValueType"] = {
    State.WAITING: delivery_pb2.DELIVERY_STATE_WAITING,
    State.HANDED_OVER: delivery_pb2.DELIVERY_STATE_HANDED_OVER,
    State.SENT: delivery_pb2.DELIVERY_STATE_SENT,
    State.DELIVERED: delivery_pb2.DELIVERY_STATE_DELIVERED,
    State.SKIPPED: delivery_pb2.DELIVERY_STATE_SKIPPED,
    State.FAILED: delivery_pb2.DELIVERY_STATE_FAILED,
    State.IN_DOUBT: delivery_pb2.DELIVERY_STATE_IN_DOUBT,
}
_STATE_OF = {number: state for state, number in _STATES.items()}

_TOLD: Mapping["message_pb2.MessageState.ValueType", State] = {
    message_pb2.MESSAGE_STATE_QUEUED: State.HANDED_OVER,
    message_pb2.MESSAGE_STATE_SUBMITTING: State.HANDED_OVER,
    message_pb2.MESSAGE_STATE_DEFERRED: State.HANDED_OVER,
    message_pb2.MESSAGE_STATE_SKIPPED: State.SKIPPED,
    message_pb2.MESSAGE_STATE_CANCELLED: State.SKIPPED,
    message_pb2.MESSAGE_STATE_EXPIRED: State.SKIPPED,
    message_pb2.MESSAGE_STATE_IN_DOUBT: State.IN_DOUBT,
    message_pb2.MESSAGE_STATE_ABANDONED: State.IN_DOUBT,
    message_pb2.MESSAGE_STATE_ACCEPTED: State.SENT,
    message_pb2.MESSAGE_STATE_DELIVERED: State.DELIVERED,
    message_pb2.MESSAGE_STATE_BOUNCED: State.FAILED,
    message_pb2.MESSAGE_STATE_FAILED: State.FAILED,
}


class Settled(NamedTuple):
    """What the notifier told of one of our messages."""

    key: names.Key
    news: News


def settled(told: events_pb2.SettledMessage, caller: str) -> Settled | None:
    """Returns what is told; None where the message is none of `caller`'s follow-ups.

    Raises `ValueError` for what cannot be told of one.
    """
    key = names.key_of(told.request_id) if told.caller == caller else None
    return Settled(key, news(told.message)) if key is not None else None


def news(message: message_pb2.Message) -> News:
    """Returns what the notifier's view of a message says of its delivery.

    Raises `ValueError` for a state that is not known here.
    """
    state = _TOLD.get(message.state)
    if state is None:
        raise ValueError("an unknown state")
    is_open = state is State.HANDED_OVER
    return News(
        state,
        "" if is_open else message.reason or _reason(message.state),
        "" if is_open else message.rule,
        UUID(message.id),
        message.revision,
    )


def _reason(state: "message_pb2.MessageState.ValueType") -> str:
    """What stands for a reason that the notifier did not give."""
    if state in (message_pb2.MESSAGE_STATE_ACCEPTED, message_pb2.MESSAGE_STATE_DELIVERED):
        return ""
    return message_pb2.MessageState.Name(state).removeprefix("MESSAGE_STATE_")


def out(kept: Delivery[Key]) -> delivery_pb2.FollowUpDelivery:
    """Returns a delivery as others may see it."""
    return delivery_pb2.FollowUpDelivery(
        follow_up_id=str(kept.key.follow_up_id),
        contact_id=str(kept.key.contact_id),
        state=_STATES[kept.state],
        reason=kept.reason,
        rule=kept.rule,
        message_id=str(kept.message_id or ""),
        due_time=times.out(kept.due_time),
        update_time=times.out(kept.update_time),
    )


def state_out(state: State) -> "delivery_pb2.DeliveryState.ValueType":
    """Returns how far one is."""
    return _STATES[state]


def states(given: Sequence["delivery_pb2.DeliveryState.ValueType"]) -> list[State]:
    """Returns the states of a filter; one that is not said is left out."""
    return [_STATE_OF[each] for each in given if each in _STATE_OF]
