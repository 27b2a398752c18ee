"""Customers' requests in their protobuf form."""

from collections.abc import Mapping, Sequence

from crm.interactions.v1 import events_pb2, request_pb2

from chassis.rpc import times
from services.interactions.domain.requests import Kind, Reply, Request, State

KINDS: Mapping[Kind, "request_pb2.RequestKind.ValueType"] = {
    kind: request_pb2.RequestKind.Value(f"REQUEST_KIND_{kind.name}") for kind in Kind
}
STATES: Mapping[State, "request_pb2.RequestState.ValueType"] = {
    state: request_pb2.RequestState.Value(f"REQUEST_STATE_{state.name}") for state in State
}
_KIND_OF = {number: kind for kind, number in KINDS.items()}
_STATE_OF = {number: state for state, number in STATES.items()}


def out(kept: Request, replies: Sequence[Reply] = ()) -> request_pb2.Request:
    """Returns a request as staff see it."""
    made = _bare(kept)
    made.subject, made.text = kept.subject, kept.text
    made.replies.extend(_reply(it) for it in replies)
    return made


def created(kept: Request) -> events_pb2.RequestCreated:
    """Returns the event of a new one, without what the customer wrote."""
    return events_pb2.RequestCreated(request=_bare(kept))


def updated(kept: Request) -> events_pb2.RequestUpdated:
    """Returns the event of one that changed, without what people wrote."""
    return events_pb2.RequestUpdated(request=_bare(kept))


def kinds(given: Sequence["request_pb2.RequestKind.ValueType"]) -> list[Kind]:
    """Returns the kinds of a filter; one that is not said is left out."""
    return [_KIND_OF[each] for each in given if each in _KIND_OF]


def states(given: Sequence["request_pb2.RequestState.ValueType"]) -> list[State]:
    """Returns the states of a filter; one that is not said is left out."""
    return [_STATE_OF[each] for each in given if each in _STATE_OF]


def _bare(kept: Request) -> request_pb2.Request:
    return request_pb2.Request(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        contact_id=str(kept.contact_id),
        kind=KINDS[kept.kind],
        state=STATES[kept.state],
        assignee_ids=[str(it) for it in kept.assignee_ids],
        team_id=str(kept.team_id or ""),
        follow_up_id=str(kept.follow_up_id or ""),
        create_time=times.out(kept.create_time),
        update_time=times.out(kept.update_time),
        close_time=times.out(kept.close_time),
    )


def _reply(kept: Reply) -> request_pb2.RequestReply:
    return request_pb2.RequestReply(
        id=str(kept.id),
        text=kept.text,
        by_customer=kept.by_customer,
        author_id=kept.author_id,
        create_time=times.out(kept.create_time),
    )
