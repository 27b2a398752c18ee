"""Audiences between the contract and the domain."""

from collections.abc import Sequence

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


def batch(
    members: Sequence[model.Member],
) -> audience_service_pb2.StreamAudienceResponse:
    """Return up to 1,000 people of a stream."""
    return audience_service_pb2.StreamAudienceResponse(members=[member(it) for it in members])


def member(it: model.Member) -> audience_pb2.AudienceMember:
    """Return the contract's person."""
    return audience_pb2.AudienceMember(
        ordinal=it.ordinal,
        contact_id=it.contact_id.bytes,
        address=it.address,
        address_key=it.address_key,
        consented=it.consented,
        time_zone=it.time_zone,
        locale=it.locale,
        region=it.region,
        values=it.values,
        gone=it.gone,
    )


def division(it: model.Division) -> audience_service_pb2.SampleAudienceResponse:
    """Return how an audience would divide, and some who would get it, numbered from 1."""
    sample = [member(each) for each in it.sample]
    for place, each in enumerate(sample, start=1):
        each.ordinal = place
    return audience_service_pb2.SampleAudienceResponse(
        size=it.size,
        without_address=it.without_address,
        shared_address=it.shared_address,
        without_consent=it.without_consent,
        reachable=it.reachable,
        sample=sample,
    )
