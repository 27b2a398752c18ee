"""Chunks as notifiers take them, and reports as they make them."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import UTC, date
from operator import itemgetter
from typing import NamedTuple, TypeVar
from uuid import UUID

from crm.notifier.v1 import events_pb2, message_pb2, work_pb2

from chassis.rpc import times
from services.campaigns.domain.planning import Decisions
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import OF_MESSAGE
from services.campaigns.messages import kinds
from services.campaigns.storage.news import News, Told

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

T = TypeVar("T")


class Report(NamedTuple):
    """What a notifier said of some messages of a run."""

    run_id: UUID
    run_date: date
    told: list[Told]


class Packed(NamedTuple):
    """Some of a stretch's planned people as a chunk carries them: up to 500, or 512 KiB."""

    region: str
    last_ordinal: int
    size: int
    payload: bytes


def packed(decisions: Decisions) -> Iterator[Packed]:
    """Yield the planned of each region, by ordinal, as chunks carry them.

    Protobuf's wire form of a message is that of its fields, one after another: what is made here
    makes a chunk when it is put behind its `head`.
    """
    places: dict[str, list[int]] = {}
    for place, (message_id, region) in enumerate(
        zip(decisions.message_ids, decisions.regions, strict=True)
    ):
        if message_id is not None:
            places.setdefault(region, []).append(place)
    for region, whole in places.items():
        for start in range(0, len(whole), MAX_RECIPIENTS):
            yield from _packed(decisions, region, whole[start : start + MAX_RECIPIENTS])


def kept(payload: bytes, message_ids: Container[bytes]) -> bytes:
    """Return what a chunk carries without those who are not among `message_ids`."""
    chunk = work_pb2.Chunk.FromString(payload)
    ids = _split(chunk.message_ids)
    pick = _picker([place for place, each in enumerate(ids) if each in message_ids])

    def texts(column: bytes) -> bytes:
        return _joined(pick(column.decode().split("\0")))

    def alike(column: bytes) -> bytes:
        return _alike(pick(column.decode().split("\0"))) if b"\0" in column else column

    return work_pb2.Chunk(
        message_ids=b"".join(pick(ids)),
        contact_ids=b"".join(pick(_split(chunk.contact_ids))),
        addresses=texts(chunk.addresses),
        address_keys=texts(chunk.address_keys) if chunk.address_keys else b"",
        time_zones=alike(chunk.time_zones),
        locales=alike(chunk.locales),
        values=[texts(column) for column in chunk.values],
    ).SerializeToString()


def blanked(payload: bytes, contact_ids: Container[bytes]) -> bytes:
    """Return what a chunk carries, these people in their places without address and values."""
    chunk = work_pb2.Chunk.FromString(payload)
    gone = [place for place, each in enumerate(_split(chunk.contact_ids)) if each in contact_ids]

    def texts(column: bytes) -> bytes:
        written = column.decode().split("\0")
        for place in gone:
            written[place] = ""
        return _joined(written)

    chunk.addresses = texts(chunk.addresses)
    if chunk.address_keys:
        chunk.address_keys = texts(chunk.address_keys)
    values = [texts(column) for column in chunk.values]
    del chunk.values[:]
    chunk.values.extend(values)
    return chunk.SerializeToString()


def _split(ids: bytes) -> list[bytes]:
    return [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)]


def _packed(decisions: Decisions, region: str, places: list[int]) -> Iterator[Packed]:
    payload = _columns(decisions, places)
    parts = -(-len(payload) // (MAX_BYTES - HEAD_BYTES))
    if parts == 1 or len(places) == 1:
        last = decisions.people.first_ordinal + places[-1]
        yield Packed(region, last, len(places), payload)
        return
    step = -(-len(places) // parts)
    for start in range(0, len(places), step):
        yield from _packed(decisions, region, places[start : start + step])


def _columns(decisions: Decisions, places: list[int]) -> bytes:
    people = decisions.people
    pick = _picker(places)
    addresses, keys = _joined(pick(people.addresses)), _joined(pick(people.address_keys))
    return work_pb2.Chunk(
        message_ids=b"".join(filter(None, pick(decisions.message_ids))),
        contact_ids=b"".join(pick(people.contact_ids)),
        addresses=addresses,
        address_keys=b"" if keys == addresses else keys,
        time_zones=_alike(pick(people.time_zones)),
        locales=_alike(pick(people.locales)),
        values=[_joined(pick(column)) for column in decisions.values],
    ).SerializeToString()


def _picker(places: Sequence[int]) -> Callable[[Sequence[T]], Sequence[T]]:
    """Return what picks the entries of a column at these places."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda column: [column[place] for place in places]


def _joined(texts: Sequence[str]) -> bytes:
    return "\0".join(texts).encode()


def _alike(texts: Sequence[str]) -> bytes:
    """Return a column, of one entry where it is that of all."""
    return _joined(texts[:1] if len(set(texts)) == 1 else texts)


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
        not_after=times.out(run.not_after),
        max_per_second=run.max_per_second,
        variables=run.variables,
    ).SerializeToString(deterministic=True)


def report(data: bytes) -> Report:
    """Return what an event says; raises `ValueError` or `DecodeError` where it is not one."""
    message = events_pb2.MessagesProgressed.FromString(data)
    told = [_told(group) for group in message.groups]
    return Report(UUID(message.run_id), date.fromisoformat(message.run_date), told)


def complained(data: bytes) -> UUID:
    """Return the run of a message that was called unwanted; raises as `report` does."""
    return UUID(events_pb2.MessageComplained.FromString(data).run_id)


def _told(group: events_pb2.ProgressGroup) -> Told:
    state, ids = _STATES.get(group.state), group.message_ids
    if len(ids) % _ID_BYTES:
        raise ValueError("not ids of messages")
    if state is None or "\0" in group.reason + group.rule:
        raise ValueError("not news of a message")
    time = group.time.ToDatetime(UTC)
    return Told(ids, News(state, group.reason, group.revision, time, group.rule))


def merged(reports: Iterable[Report]) -> list[Report]:
    """Return the reports with those of one run made one, in the order of the runs."""
    whole: dict[UUID, Report] = {}
    for each in reports:
        known = whole.get(each.run_id)
        told = known.told + each.told if known is not None else each.told
        whole[each.run_id] = each._replace(told=told)
    return [whole[run_id] for run_id in sorted(whole)]
