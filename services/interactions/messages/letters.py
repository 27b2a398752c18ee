"""What the notifier tells of the letters of proposals."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from crm.notifier.v1 import events_pb2, message_pb2

from services.interactions.domain.proposals.events import PREFIX, Errand, LetterKey
from services.interactions.domain.proposals.fates import LOST, Fate, News

_TOLD: Mapping["message_pb2.MessageState.ValueType", Fate] = {
    message_pb2.MESSAGE_STATE_QUEUED: Fate.ON_ITS_WAY,
    message_pb2.MESSAGE_STATE_SUBMITTING: Fate.ON_ITS_WAY,
    message_pb2.MESSAGE_STATE_DEFERRED: Fate.ON_ITS_WAY,
    message_pb2.MESSAGE_STATE_SKIPPED: Fate.SKIPPED,
    message_pb2.MESSAGE_STATE_CANCELLED: Fate.SKIPPED,
    message_pb2.MESSAGE_STATE_EXPIRED: Fate.SKIPPED,
    message_pb2.MESSAGE_STATE_IN_DOUBT: Fate.IN_DOUBT,
    message_pb2.MESSAGE_STATE_ABANDONED: Fate.IN_DOUBT,
    message_pb2.MESSAGE_STATE_ACCEPTED: Fate.SENT,
    message_pb2.MESSAGE_STATE_DELIVERED: Fate.DELIVERED,
    message_pb2.MESSAGE_STATE_BOUNCED: Fate.BOUNCED,
    message_pb2.MESSAGE_STATE_FAILED: Fate.FAILED,
}


class Settled(NamedTuple):
    """What the notifier told of one of our letters."""

    key: LetterKey
    news: News


def settled(told: events_pb2.SettledMessage, caller: str) -> Settled | None:
    """Returns what is told; None where the message is none of `caller`'s letters.

    Raises `ValueError` for what cannot be told of one.
    """
    parts = told.request_id.split("/")
    if told.caller != caller or len(parts) != 4 or parts[0] != PREFIX:
        return None
    message, fate = told.message, _TOLD.get(told.message.state)
    if fate is None:
        raise ValueError("an unknown state")
    reason = message.reason if fate in LOST else ""
    key = LetterKey(UUID(parts[1]), int(parts[2]), Errand(parts[3]))
    return Settled(key, News(fate, reason, UUID(message.id), message.revision))
