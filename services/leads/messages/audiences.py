"""Audiences between the contract and the domain."""

from crm.leads.v1 import audience_pb2, audience_service_pb2

from services.leads.domain import audience as model
from services.leads.domain.fields import Checks
from services.leads.messages import segments, values


def audience(it: model.Audience) -> audience_pb2.Audience:
    """Return the contract's audience."""
    return audience_pb2.Audience(
        id=str(it.id), size=it.size, freeze_time=values.stamp(it.freeze_time)
    )


def query(checks: Checks, it: audience_service_pb2.AudienceQuery) -> model.Query:
    """Return who is asked for; what is wrong is noted in `checks`."""
    read = None
    if it.HasField("definition"):
        read = segments.definition(checks, it.definition, "query.definition")
    return model.check_query(
        checks,
        kind=it.kind,
        segment_ids=it.segment_ids,
        contact_ids=it.contact_ids,
        definition=read,
        excluded_segment_ids=it.excluded_segment_ids,
    )


def view(checks: Checks, it: audience_service_pb2.AudienceView) -> model.View:
    """Return what a run needs to know; what is wrong is noted in `checks`."""
    return model.check_view(
        checks,
        channel=it.channel,
        purpose=it.purpose,
        advertiser_id=it.advertiser_id,
        variables=it.variables,
    )


def batch(it: model.People) -> audience_service_pb2.StreamAudienceResponse:
    """Return a stretch of an audience."""
    return audience_service_pb2.StreamAudienceResponse(**it._asdict())


def member(it: model.Member, ordinal: int) -> audience_pb2.AudienceMember:
    """Return the contract's person."""
    return audience_pb2.AudienceMember(
        ordinal=ordinal,
        contact_id=it.contact_id.bytes,
        address=it.address,
        address_key=it.address_key,
        consented=it.consented,
        time_zone=it.time_zone,
        locale=it.locale,
        region=it.region,
        values=it.values,
    )


def division(it: model.Division) -> audience_service_pb2.SampleAudienceResponse:
    """Return how an audience would divide, and some who would get it, numbered from 1."""
    sample = [member(each, place) for place, each in enumerate(it.sample, start=1)]
    return audience_service_pb2.SampleAudienceResponse(
        size=it.size,
        without_address=it.without_address,
        invalid_address=it.invalid_address,
        shared_address=it.shared_address,
        without_consent=it.without_consent,
        reachable=it.reachable,
        sample=sample,
    )
