"""Chunks as notifiers take them, and reports as they make them."""

import functools
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

from crm.notifier.v1 import events_pb2, message_pb2, work_pb2

from services.campaigns.domain.planning import Decision
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import OF_MESSAGE
from services.campaigns.messages import kinds
from services.campaigns.storage.news import News

MAX_RECIPIENTS = 500
MAX_BYTES = 512 * 1024

# What a chunk takes besides its recipients: ids, names of variables.
HEAD_BYTES = 8 * 1024

_PREFIX = "MESSAGE_STATE_"
_STATES: dict[int, str] = {
    number: OF_MESSAGE[name.removeprefix(_PREFIX)].value
    for name, number in message_pb2.MessageState.items()
    if name.removeprefix(_PREFIX) in OF_MESSAGE
}
_ID_BYTES = 16
_RECIPIENTS = work_pb2.Chunk.RECIPIENTS_FIELD_NUMBER


class Report(NamedTuple):
    """What a notifier said of some messages of a run, by message id."""

    run_id: UUID
    run_date: date
    news: dict[bytes, News]


def packed(decision: Decision) -> bytes:
    """Return one recipient as the bytes that a chunk carries: its field with tag and length.

    Protobuf's wire form of a message is that of its fields, one after another: recipients that were
    packed one by one make a chunk when they are put behind its `head`. Empty for the excluded.
    Written here, field by field: the library takes three times as long to make and write a message.
    """
    member, message_id, _, _, values = decision
    if message_id is None:
        return b""
    address, key = member.address.encode(), member.address_key.encode()
    parts = [_opened(1, len(message_id)), message_id]
    parts += (_opened(2, len(member.contact_id)), member.contact_id)
    parts += (_opened(3, len(address)), address) if address else ()
    parts += (_opened(4, len(key)), key) if key else ()
    parts.append(_of_place(member.time_zone, member.locale))
    for value in values:
        data = value.encode()
        parts += (_opened(7, len(data)), data)
    packed = b"".join(parts)
    return _opened(_RECIPIENTS, len(packed)) + packed


@functools.cache
def _opened(number: int, size: int) -> bytes:
    """Return what stands before the bytes of a field: its tag and their length, as varints."""
    return _varint(number << 3 | 2) + _varint(size)


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes((low | 0x80,)) + _varint(rest) if rest else bytes((low,))


@functools.lru_cache(1_000)
def _of_place(time_zone: str, locale: str) -> bytes:
    """Return the fields that thousands have alike."""
    return work_pb2.ChunkRecipient(time_zone=time_zone, locale=locale).SerializeToString()


def head(run: Run, chunk_id: UUID, epoch: int) -> bytes:
    """Return a chunk without recipients; theirs is the last field, so that they follow it."""
    return work_pb2.Chunk(
        chunk_id=chunk_id.bytes,
        run_id=run.id.bytes,
        run_date=run.run_date.isoformat(),
        campaign_id=run.campaign_id.bytes,
        epoch=epoch,
        channel=kinds.number(message_pb2.Channel, run.channel),
        purpose=kinds.number(message_pb2.Purpose, run.purpose),
        advertiser_id=run.advertiser_id.bytes,
        sender_identity_id=run.sender_identity_id.bytes,
        content_hash=run.content_hash,
        not_after=kinds.time(run.not_after),
        max_per_second=run.max_per_second,
        variables=run.variables,
    ).SerializeToString(deterministic=True)


def report(data: bytes) -> Report:
    """Return what an event says; raises `ValueError` or `DecodeError` where it is not one.

    Of several lines about one message only that of the greatest revision is kept.
    """
    message = events_pb2.MessagesProgressed.FromString(data)
    news: dict[bytes, News] = {}
    for each in message.messages:
        if len(each.message_id) != _ID_BYTES:
            raise ValueError("not an id of a message")
        _add(news, [each.message_id], _news(each))
    for group in message.groups:
        ids = group.message_ids
        if len(ids) % _ID_BYTES:
            raise ValueError("not ids of messages")
        _add(
            news,
            [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)],
            _news(group),
        )
    return Report(UUID(message.run_id), date.fromisoformat(message.run_date), news)


def _news(told: events_pb2.MessageProgress | events_pb2.ProgressGroup) -> News:
    state = _STATES.get(told.state)
    if state is None or "\0" in told.reason + told.rule:
        raise ValueError("not news of a message")
    micros = told.time.seconds * 1_000_000 + told.time.nanos // 1_000
    return News(state, told.reason, told.revision, micros, told.rule)


def _add(news: dict[bytes, News], ids: Iterable[bytes], told: News) -> None:
    for each in ids:
        known = news.get(each)
        if known is None or known.revision < told.revision:
            news[each] = told


def merged(reports: Iterable[Report]) -> list[Report]:
    """Return the reports with those of one run made one; of each message the newest counts."""
    whole: dict[UUID, Report] = {}
    for each in reports:
        if each.run_id not in whole:
            whole[each.run_id] = each._replace(news=dict(each.news))
            continue
        into = whole[each.run_id].news
        for message_id, news in each.news.items():
            known = into.get(message_id)
            if known is None or known.revision < news.revision:
                into[message_id] = news
    return [whole[run_id] for run_id in sorted(whole)]
