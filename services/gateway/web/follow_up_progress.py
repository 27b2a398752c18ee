"""How far the message of a follow-up is: what it says, in whose name, and its figures."""

from typing import Any

from crm.interactions.v1 import delivery_pb2, follow_up_pb2

from services.gateway import problems
from services.gateway.web import desk, lookups, names, words

STATES = {
    "sent": (delivery_pb2.DELIVERY_STATE_SENT, delivery_pb2.DELIVERY_STATE_DELIVERED),
    "handed_over": (delivery_pb2.DELIVERY_STATE_HANDED_OVER,),
    "waiting": (delivery_pb2.DELIVERY_STATE_WAITING,),
    "skipped": (delivery_pb2.DELIVERY_STATE_SKIPPED,),
    "failed": (delivery_pb2.DELIVERY_STATE_FAILED,),
    "in_doubt": (delivery_pb2.DELIVERY_STATE_IN_DOUBT,),
}
"""The counts of the progress, in the order they are shown, with the states that are in each."""
FILLS = {"sent": "accepted"}
"""Colours of counts that are not called by their own name."""
_PENDING = (follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED, follow_up_pb2.FOLLOW_UP_STATUS_OPEN)
_SOON, _LATER = 2, 30
_AS_RECIPIENT = {"waiting": "planned", "sent": "accepted"}
_UNITS = {"late_days": 86_400, "late_hours": 3_600, "late_minutes": 60, "late_seconds": 1}


def figures(follow_up: follow_up_pb2.FollowUp) -> dict[str, Any]:
    """Return what the figures of a follow-up with a message are made of; `every` in seconds."""
    counts = [(name, int(getattr(follow_up.progress, name))) for name in STATES]
    pending = follow_up.status in _PENDING
    unsettled = follow_up.progress.waiting + follow_up.progress.handed_over
    due = follow_up.status != follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED
    return {
        "counts": counts,
        "fills": FILLS,
        "going": bool(unsettled) or (pending and bool(follow_up.segment_id)),
        "every": _SOON if due else _LATER,
    }


def state_name(state: "delivery_pb2.DeliveryState.ValueType") -> str:
    """Return what runs call a state, so that both say and colour it the same."""
    return as_recipient(names.short(delivery_pb2.DeliveryState, state))


def as_recipient(name: str) -> str:
    """Return what runs call a state of deliveries."""
    return _AS_RECIPIENT.get(name, name)


def reason_text(code: str) -> str:
    """Return a reason in the reader's words, the code itself for one we do not know."""
    language, name = desk.language(), code.lower()
    english, vietnamese = problems.TITLES.get(code, (code, code))
    found = vietnamese if language == "vi" else english
    for family in ("recipient", "reason", "exclusion"):
        found = words.known(language, f"{family}.{name}", found)
    return found


def late_text(seconds: int) -> str:
    """Return how late a message may be at most."""
    key, unit = next((key, unit) for key, unit in _UNITS.items() if seconds % unit == 0)
    return desk.t(f"sending.{key}", n=seconds // unit)


def _own_outcome(progress: follow_up_pb2.FollowUpProgress) -> str:
    """Return what a follow-up that did itself has as its outcome: the figures, in English."""
    return (
        f"sent {progress.sent}, skipped {progress.skipped}, "
        f"failed {progress.failed}, in doubt {progress.in_doubt}"
    )


def facts(follow_up: follow_up_pb2.FollowUp) -> dict[str, Any]:
    """Return what the page shows of a message that goes by itself, nothing without one."""
    if not follow_up.HasField("message"):
        return {}
    return {
        **says(follow_up.message),
        "own_outcome": follow_up.outcome == _own_outcome(follow_up.progress),
        **figures(follow_up),
    }


def says(wanted: follow_up_pb2.FollowUpMessage) -> dict[str, Any]:
    """Return what the page needs beside a message to show it."""
    sender = next(
        (it for it in lookups.sender_identities() if it.id == wanted.sender_identity_id), None
    )
    advertiser = next((it for it in lookups.advertisers() if it.id == wanted.advertiser_id), None)
    return {
        "sender": sender,
        "advertiser": advertiser,
        "purpose": names.short(follow_up_pb2.MessagePurpose, wanted.purpose or 1),
        "late_text": late_text,
    }
