"""What is handed to the notifier, and its answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from crm.notifier.v1 import message_pb2
from crm.notifier.v1 import message_service_pb2 as pb

from chassis.rpc import times
from services.interactions.domain.deliveries import News, Reason, State
from services.interactions.domain.messages import Channel, Message, Purpose
from services.interactions.domain.senders import Sender
from services.interactions.messages import deliveries, names

_CHANNELS: Mapping[Channel, "message_pb2.Channel.ValueType"] = {
    Channel.SMS: message_pb2.CHANNEL_SMS,
    Channel.EMAIL: message_pb2.CHANNEL_EMAIL,
}
_PURPOSES: Mapping[Purpose, "message_pb2.Purpose.ValueType"] = {
    Purpose.CARE: message_pb2.PURPOSE_CARE,
    Purpose.TRANSACTIONAL: message_pb2.PURPOSE_TRANSACTIONAL,
}
_SENDER_FIELDS = {"advertiser_id", "sender_identity_id"}


class Outgoing(NamedTuple):
    """One message to one address, rendered."""

    key: names.Key
    channel: Channel
    sender: Message | Sender
    address: str
    parts: Mapping[str, str]
    not_after: datetime | None


def request(given: Outgoing) -> pb.SendMessageRequest:
    """Returns the request; the same one for the same person and content, however often."""
    return pb.SendMessageRequest(
        request_id=names.request_id(given.key),
        channel=_CHANNELS[given.channel],
        address=given.address,
        purpose=_PURPOSES[given.sender.purpose],
        advertiser_id=str(given.sender.advertiser_id),
        sender_identity_id=str(given.sender.sender_identity_id),
        subject=given.parts.get("subject", ""),
        html=given.parts.get("html", ""),
        text=given.parts.get("text", ""),
        contact_id=str(given.key.contact_id),
        not_after=times.out(given.not_after),
    )


def news(result: pb.SendResult) -> News:
    """Returns what the answer to one message says of its delivery."""
    if result.HasField("message"):
        return deliveries.news(result.message)
    refusal = result.refusal
    if refusal.reason == "REQUEST_ID_REUSED":
        # An attempt before this one was accepted; the person was another then, in name or address.
        message_id = UUID(refusal.message_id) if refusal.message_id else None
        return News(State.HANDED_OVER, message_id=message_id)
    if list(refusal.fields) == ["not_after"]:
        return News(State.SKIPPED, Reason.TOO_LATE)
    if "address" in refusal.fields:
        return News(State.SKIPPED, Reason.ADDRESS_INVALID)
    if refusal.reason == "RESOURCE_MISSING" or _SENDER_FIELDS & set(refusal.fields):
        return News(State.FAILED, Reason.SENDER_MISSING)
    return News(State.FAILED, refusal.reason)
