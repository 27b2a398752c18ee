"""People as leads streams them: who may get a message, and where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from crm.leads.v1 import audience_service_pb2 as pb
from crm.leads.v1 import contact_pb2

from services.interactions.domain import rendering
from services.interactions.domain.deliveries import Reason
from services.interactions.domain.messages import Channel, Purpose

_CONSENTED, _GONE, _INVALID = 1, 2, 4
_ID_BYTES = 16

_CHANNELS: Mapping[Channel, "contact_pb2.Channel.ValueType"] = {
    Channel.SMS: contact_pb2.CHANNEL_SMS,
    Channel.EMAIL: contact_pb2.CHANNEL_EMAIL,
}
_PURPOSES: Mapping[Purpose, "contact_pb2.Purpose.ValueType"] = {
    Purpose.CARE: contact_pb2.PURPOSE_CARE,
    Purpose.TRANSACTIONAL: contact_pb2.PURPOSE_TRANSACTIONAL,
}


@dataclass(frozen=True)
class Person:
    """A contact as a message needs it; `reason` says why it gets none."""

    id: UUID
    address: str
    reason: str
    values: Mapping[str, str]
    locale: str = ""
    time_zone: str = ""


def view(channel: Channel, purpose: Purpose, advertiser_id: UUID) -> pb.AudienceView:
    """Returns what a message needs to know of each person."""
    return pb.AudienceView(
        channel=_CHANNELS[channel],
        purpose=_PURPOSES[purpose],
        advertiser_id=str(advertiser_id),
        variables=rendering.VARIABLES,
    )


def plain_view(frozen: UUID) -> pb.AudienceView:
    """Returns the least that can be asked of each person, for who needs the ids alone."""
    return pb.AudienceView(
        channel=contact_pb2.CHANNEL_SMS,
        purpose=contact_pb2.PURPOSE_CARE,
        advertiser_id=str(frozen),
    )


def ids(batch: pb.StreamAudienceResponse) -> list[UUID]:
    """Returns the people of a batch."""
    given = batch.contact_ids
    return [UUID(bytes=given[at : at + _ID_BYTES]) for at in range(0, len(given), _ID_BYTES)]


def people(batch: pb.StreamAudienceResponse) -> Iterator[Person]:
    """Yields the people of a batch; raises `ValueError` where a column is not of all of them."""
    columns = [_texts(column, len(batch.marks)) for column in batch.values]
    addresses, locales, zones = (
        _texts(column, len(batch.marks))
        for column in (batch.addresses, batch.locales, batch.time_zones)
    )
    for place, id_ in enumerate(ids(batch)):
        values = [column[place] for column in columns]
        address = addresses[place]
        yield Person(
            id_,
            address,
            _reason(batch.marks[place], address),
            dict(zip(rendering.VARIABLES, values, strict=True)),
            locales[place],
            zones[place],
        )


def _reason(marks: int, address: str) -> str:
    if marks & _GONE:
        return Reason.CONTACT_GONE
    if not address:
        return Reason.ADDRESS_INVALID if marks & _INVALID else Reason.NO_ADDRESS
    return Reason.NONE if marks & _CONSENTED else Reason.NO_CONSENT


def _texts(column: bytes, size: int) -> list[str]:
    texts = column.decode().split("\0")
    if len(texts) != size:
        raise ValueError("texts of other people")
    return texts
