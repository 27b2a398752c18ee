"""Reads requests to send messages, one or many."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from crm.notifier.v1 import message_service_pb2

from chassis import context, errors
from services.notifier.domain import addresses
from services.notifier.domain.checks import Checks
from services.notifier.domain.states import Channel, Purpose
from services.notifier.messages import progress, resources
from services.notifier.usecases.batches import Answer, Item, Refused
from services.notifier.usecases.sending import Wanted

_LONGEST_HTML, _LONGEST_SMS = 256 * 1024, 2_000
_USUAL_TIME = timedelta(hours=24)
_MOST = 500


def items(request: message_service_pb2.BatchSendMessagesRequest, now: datetime) -> Sequence[Item]:
    """Each message with what is wrong with it; raises `InvalidArgument` for too many or none."""
    checks = Checks()
    if not 1 <= len(request.messages) <= _MOST:
        checks.wrong("messages", f"are not 1 to {_MOST}")
    checks.end()
    return [_item(it, now) for it in request.messages]


def result(answer: Answer) -> message_service_pb2.SendResult:
    """What became of one of many."""
    if not isinstance(answer, Refused):
        return message_service_pb2.SendResult(message=progress.view(answer))
    refusal = message_service_pb2.SendRefusal(
        reason=answer.error.reason,
        description=answer.error.message,
        fields=[it.field for it in answer.error.violations],
        message_id=str(answer.message_id or ""),
    )
    return message_service_pb2.SendResult(refusal=refusal)


def _item(request: message_service_pb2.SendMessageRequest, now: datetime) -> Item:
    name, digest = request.request_id.strip(), _hash(request)
    try:
        return Item(name, digest, _wanted(request, digest, now))
    except errors.InvalidArgument as wrong:
        return Item(name, digest, None, wrong)


def _hash(request: message_service_pb2.SendMessageRequest) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


def wanted(request: message_service_pb2.SendMessageRequest, now: datetime) -> Wanted:
    """What a request asks for; raises `InvalidArgument` that names every field that is wrong."""
    return _wanted(request, _hash(request), now)


def _wanted(
    request: message_service_pb2.SendMessageRequest, digest: bytes, now: datetime
) -> Wanted:
    checks = Checks()
    request_id = checks.text("request_id", request.request_id, 200)
    channel = checks.channel("channel", request.channel)
    key = addresses.normalised(channel, request.address) if channel else None
    if channel and key is None:
        wants = "an E.164 phone number" if channel is Channel.SMS else "an e-mail address"
        checks.wrong("address", f"is not {wants}")
    if int(request.purpose) not in (Purpose.TRANSACTIONAL, Purpose.CARE):
        checks.wrong("purpose", "must be TRANSACTIONAL or CARE")
    advertiser = checks.uuid("advertiser_id", request.advertiser_id)
    identity = checks.uuid("sender_identity_id", request.sender_identity_id)
    contact = checks.uuid("contact_id", request.contact_id, required=False)
    not_after = now + _USUAL_TIME
    if request.HasField("not_after"):
        not_after = resources.time(request.not_after)
        if not_after <= now:
            checks.wrong("not_after", "has passed")
    _check_body(checks, request, channel)
    checks.end()
    if channel is None or key is None or advertiser is None or identity is None:
        raise AssertionError("end raises when one of these is wrong")
    return Wanted(
        subject=context.require_principal().subject,
        request_id=request_id,
        request_hash=digest,
        channel=channel,
        purpose=Purpose(request.purpose),
        address=key if channel is Channel.SMS else request.address.strip(),
        address_key=key,
        advertiser_id=advertiser,
        sender_identity_id=identity,
        title=request.subject.strip(),
        html=request.html,
        text=request.text,
        contact_id=contact,
        not_after=not_after,
    )


def _check_body(
    checks: Checks, request: message_service_pb2.SendMessageRequest, channel: Channel | None
) -> None:
    if channel is Channel.SMS:
        checks.text("text", request.text, _LONGEST_SMS)
        if request.html or request.subject:
            checks.wrong("html" if request.html else "subject", "an SMS has text only")
    elif channel is Channel.EMAIL:
        checks.text("subject", request.subject, 500)
        checks.text("html", request.html, _LONGEST_HTML, required=False)
        checks.text("text", request.text, _LONGEST_HTML, required=not request.html)
