"""The next step that is planned together with what was done."""

from typing import Any

from crm.interactions.v1 import follow_up_service_pb2, interaction_service_pb2

from services.interactions.domain import follow_ups as rules
from services.interactions.domain.fields import Problems
from services.interactions.domain.reminders import Channel
from services.interactions.messages import follow_ups as messages
from services.interactions.rpc import gate

Request = (
    follow_up_service_pb2.CompleteFollowUpRequest | interaction_service_pb2.CreateInteractionRequest
)
_OTHERS = ("contact_ids", "message", "segment_id")
_FIELDS = tuple(name for name in rules.FIELDS if name not in _OTHERS)


def columns(request: Request, problems: Problems) -> dict[str, Any] | None:
    """Returns the columns of the next step but for its contact, None where none is asked for.

    Notes the bad fields; raises `PermissionDenied` without the right to write follow-ups.
    """
    if not request.HasField("next"):
        return None
    gate.may("follow_ups", "write")
    if request.next.contact_ids:
        problems.add("next.contact_ids", "is that of what was done")
    if request.next.HasField("message") or request.next.segment_id:
        problems.add("next.message", "plan a follow-up that sends itself on its own")
    step = rules.columns(messages.fields(request.next, _FIELDS), problems, at="next")
    if any(Channel.EMAIL in it["channels"] for it in step["reminders"]):
        problems.add("next.reminders", "plan a follow-up that reminds by e-mail on its own")
    if any("to_contact" in it for it in step["reminders"]):
        problems.add("next.reminders", "plan a follow-up that reminds the contact on its own")
    rules.with_end(step, None, problems, at="next")
    return step
