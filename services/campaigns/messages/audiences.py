"""Audiences as leads freezes, samples and streams them."""

from collections.abc import Iterable
from uuid import UUID

from crm.leads.v1 import audience_pb2, audience_service_pb2, contact_pb2
from crm.leads.v1 import audience_service_pb2 as pb

from services.campaigns.domain.campaigns import Audience
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.planning import Member, People
from services.campaigns.messages import kinds

_ID_BYTES = 16
_CONTACT_KINDS = {
    "": contact_pb2.CONTACT_KIND_UNSPECIFIED,
    "lead": contact_pb2.CONTACT_KIND_LEAD,
    "customer": contact_pb2.CONTACT_KIND_CUSTOMER,
}


def query(audience: Audience) -> pb.AudienceQuery:
    """Return who is asked for; never of those a run left unreached, whom leads does not know."""
    if audience.unreached is not None:
        raise ValueError("leads knows of no runs")
    return pb.AudienceQuery(
        kind=_CONTACT_KINDS[audience.kind],
        segment_ids=audience.segment_ids,
        contact_ids=audience.contact_ids,
        excluded_segment_ids=audience.excluded_segment_ids,
    )


def view(
    channel: Channel, purpose: Purpose, advertiser_id: UUID, variables: Iterable[str]
) -> pb.AudienceView:
    """Return what a run needs to know of each person."""
    return pb.AudienceView(
        channel=kinds.number(contact_pb2.Channel, channel),
        purpose=kinds.number(contact_pb2.Purpose, purpose),
        advertiser_id=str(advertiser_id),
        variables=variables,
    )


def people(batch: audience_service_pb2.StreamAudienceResponse) -> People:
    """Return the people of a batch; raises `ValueError` where a column is not of all of them."""
    ids, size = batch.contact_ids, len(batch.marks)
    if len(ids) != size * _ID_BYTES:
        raise ValueError("ids of other people")
    return People(
        batch.first_ordinal,
        [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)],
        batch.marks,
        _texts(batch.addresses, size),
        _texts(batch.address_keys, size),
        _texts(batch.time_zones, size),
        _texts(batch.locales, size),
        _texts(batch.regions, size),
        [_texts(column, size) for column in batch.values],
    )


def _texts(column: bytes, size: int) -> list[str]:
    texts = column.decode().split("\0")
    if len(texts) != size:
        raise ValueError("texts of other people")
    return texts


def member(message: audience_pb2.AudienceMember) -> Member:
    """Return one person."""
    return Member(
        message.ordinal,
        message.contact_id,
        message.address,
        message.address_key,
        message.consented,
        message.gone,
        message.region,
        message.time_zone,
        message.locale,
        list(message.values),
    )


def contact_values(contact: contact_pb2.Contact) -> dict[str, str]:
    """Return the values of every contact variable, as an audience would carry them."""
    values = {
        name: str(getattr(contact, name))
        for name in (
            "salutation",
            "family_name",
            "given_name",
            "display_name",
            "company",
            "job_title",
            "reference_code",
        )
    }
    values["email"] = _primary([(each.address, each.primary) for each in contact.emails])
    values["phone"] = _primary([(each.number, each.primary) for each in contact.phones])
    values["province"], values["ward"] = contact.address.province, contact.address.ward
    values["birthday"] = _birthday(contact.birthday)
    return values


def _primary(addresses: list[tuple[str, bool]]) -> str:
    ordered = sorted(addresses, key=lambda each: not each[1])
    return ordered[0][0] if ordered else ""


def _birthday(day: contact_pb2.PartialDate) -> str:
    if not day.month:
        return ""
    short = f"{day.day:02}/{day.month:02}"
    return f"{short}/{day.year:04}" if day.year else short
