"""Chunks as notifiers take them, and reports as they make them."""

from collections.abc import Sequence
from datetime import UTC, date
from typing import NamedTuple
from uuid import UUID

from crm.notifier.v1 import events_pb2, message_pb2, work_pb2

from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import OF_MESSAGE
from services.campaigns.messages import kinds
from services.campaigns.storage.recipients import News, Waiting

MAX_RECIPIENTS = 500
MAX_BYTES = 512 * 1024

# What a recipient takes besides its values: ids, tags and lengths.
_OVERHEAD = 64


class Report(NamedTuple):
    """What a notifier said of some messages of a run."""

    run_id: UUID
    run_date: date
    news: list[News]


def chunk(run: Run, chunk_id: UUID, waiting: Sequence[Waiting]) -> tuple[bytes, int]:
    """Return a chunk's bytes and how many of `waiting` are in it: the first that fit."""
    message = _empty(run, chunk_id)
    size, taken = message.ByteSize(), 0
    for each in waiting[:MAX_RECIPIENTS]:
        recipient = work_pb2.ChunkRecipient(
            message_id=each.message_id.bytes,
            contact_id=each.contact_id.bytes,
            address=each.address,
            address_key=each.address_key,
            time_zone=each.time_zone,
            locale=each.locale,
            values=each.values,
        )
        size += recipient.ByteSize() + _OVERHEAD
        if size > MAX_BYTES and taken:
            break
        message.recipients.append(recipient)
        taken += 1
    return message.SerializeToString(deterministic=True), taken


def report(data: bytes) -> Report:
    """Return what an event says; raises `ValueError` or `DecodeError` where it is not one.

    Of several lines about one message only that of the greatest revision is kept.
    """
    message = events_pb2.MessagesProgressed.FromString(data)
    newest: dict[bytes, events_pb2.MessageProgress] = {}
    for each in message.messages:
        known = newest.get(each.message_id)
        if known is None or known.revision < each.revision:
            newest[each.message_id] = each
    return Report(
        UUID(message.run_id),
        date.fromisoformat(message.run_date),
        [_news(each) for each in newest.values()],
    )


def _news(message: events_pb2.MessageProgress) -> News:
    name = message_pb2.MessageState.Name(message.state).removeprefix("MESSAGE_STATE_")
    if name not in OF_MESSAGE:
        raise ValueError("a message without a state")
    return News(
        UUID(bytes=message.message_id),
        OF_MESSAGE[name],
        message.reason,
        message.revision,
        message.time.ToDatetime(tzinfo=UTC),
    )


def _empty(run: Run, chunk_id: UUID) -> work_pb2.Chunk:
    return work_pb2.Chunk(
        chunk_id=chunk_id.bytes,
        run_id=run.id.bytes,
        run_date=run.run_date.isoformat(),
        campaign_id=run.campaign_id.bytes,
        epoch=run.epoch,
        channel=kinds.number(message_pb2.Channel, run.channel),
        purpose=kinds.number(message_pb2.Purpose, run.purpose),
        advertiser_id=run.advertiser_id.bytes,
        sender_identity_id=run.sender_identity_id.bytes,
        content_hash=run.content_hash,
        not_after=kinds.time(run.not_after),
        max_per_second=run.max_per_second,
        variables=run.variables,
    )
