"""Audiences as leads freezes, samples and streams them."""

from collections.abc import Iterable
from uuid import UUID

from crm.leads.v1 import audience_pb2, audience_service_pb2, contact_pb2
from crm.leads.v1 import audience_service_pb2 as pb

from services.campaigns.domain.campaigns import Audience
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.planning import Member
from services.campaigns.messages import kinds

_ID_BYTES = 16
_CONTACT_KINDS = {
    "": contact_pb2.CONTACT_KIND_UNSPECIFIED,
    "lead": contact_pb2.CONTACT_KIND_LEAD,
    "customer": contact_pb2.CONTACT_KIND_CUSTOMER,
}


def query(audience: Audience) -> pb.AudienceQuery:
    """Return who is asked for."""
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


def members(batch: audience_service_pb2.StreamAudienceResponse) -> list[Member]:
    """Return the people of a batch, in its order."""
    ids, values = batch.contact_ids, list(batch.values)
    size = len(ids) // _ID_BYTES
    wide = len(values) // size if size else 0
    columns = zip(
        range(batch.first_ordinal, batch.first_ordinal + size),
        [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)],
        batch.addresses,
        batch.address_keys,
        batch.consented,
        batch.gone,
        batch.regions,
        batch.time_zones,
        batch.locales,
        [values[place * wide : (place + 1) * wide] for place in range(size)],
        strict=True,
    )
    return list(map(Member._make, columns))


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
