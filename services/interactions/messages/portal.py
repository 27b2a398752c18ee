"""What customers see in the portal, in its protobuf form; nothing that is for colleagues."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from crm.interactions.v1 import portal_pb2

from chassis.rpc import times
from services.interactions.domain.follow_ups import FollowUp, Status, Type
from services.interactions.domain.proposals.proposals import Proposal
from services.interactions.domain.requests import Reply, Request
from services.interactions.messages import proposals, requests
from services.interactions.storage.portal import Logged, Sent

_TYPES: Mapping[Type, "portal_pb2.MyAppointmentType.ValueType"] = {
    Type.CALL: portal_pb2.MY_APPOINTMENT_TYPE_CALL,
    Type.MEETING: portal_pb2.MY_APPOINTMENT_TYPE_MEETING,
}
_STATES: Mapping[Status, "portal_pb2.MyAppointmentState.ValueType"] = {
    Status.SCHEDULED: portal_pb2.MY_APPOINTMENT_STATE_PLANNED,
    Status.OPEN: portal_pb2.MY_APPOINTMENT_STATE_PLANNED,
    Status.COMPLETED: portal_pb2.MY_APPOINTMENT_STATE_HELD,
    Status.CANCELLED: portal_pb2.MY_APPOINTMENT_STATE_CANCELLED,
}


def proposal(kept: Proposal) -> portal_pb2.MyProposal:
    """Returns a proposal as it was sent last, for a list."""
    seen = proposals.public(kept, "sent") if kept.document else proposals.public(kept, "")
    return portal_pb2.MyProposal(
        id=str(kept.id),
        number=seen.number,
        title=seen.title,
        state=seen.state,
        total=seen.total,
        valid_until=seen.valid_until,
        send_time=times.out(kept.send_time),
        answer_time=times.out(kept.answer_time),
    )


def appointment(kept: FollowUp, request_id: UUID | None = None) -> portal_pb2.MyAppointment:
    """Returns a call or meeting, without its title, which is written for colleagues."""
    return portal_pb2.MyAppointment(
        id=str(kept.id),
        type=_TYPES[kept.type],
        start_time=times.out(kept.start_time),
        end_time=times.out(kept.end_time),
        state=_STATES[kept.status],
        request_id=str(request_id or ""),
    )


def request(kept: Request, replies: Sequence[Reply] = ()) -> portal_pb2.MyRequest:
    """Returns a request, without who is to answer it."""
    return portal_pb2.MyRequest(
        id=str(kept.id),
        kind=requests.KINDS[kept.kind],
        subject=kept.subject,
        text=kept.text,
        state=requests.STATES[kept.state],
        create_time=times.out(kept.create_time),
        update_time=times.out(kept.update_time),
        appointment_id=str(kept.follow_up_id or ""),
        replies=[
            portal_pb2.MyReply(
                text=it.text, by_me=it.by_customer, create_time=times.out(it.create_time)
            )
            for it in replies
        ],
    )


def interaction(kept: Logged) -> portal_pb2.MyInteraction:
    """Returns that there was a call, visit, letter or web contact."""
    return portal_pb2.MyInteraction(
        kind=kept.kind,
        direction=kept.direction,
        start_time=times.out(kept.start_time),
        seconds=kept.seconds,
    )


def message(kept: Sent) -> portal_pb2.MyMessage:
    """Returns that a message went, or why not."""
    return portal_pb2.MyMessage(
        channel=kept.channel, time=times.out(kept.due_time), state=kept.state
    )
