"""Campaigns and their audiences."""

from crm.campaigns.v1 import campaign_pb2 as pb
from crm.campaigns.v1 import events_pb2, template_pb2

from chassis.rpc import times
from services.campaigns.domain.campaigns import Audience, Campaign, Draft, Unreached
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.states import RecipientState, RunState
from services.campaigns.messages import kinds


def draft(message: pb.Campaign) -> Draft:
    """Return what somebody wrote."""
    return Draft(
        name=message.name,
        channel=kinds.kind(template_pb2.Channel, Channel, message.channel),
        purpose=kinds.kind(template_pb2.Purpose, Purpose, message.purpose),
        advertiser_id=message.advertiser_id,
        sender_identity_id=message.sender_identity_id,
        template_id=message.template_id,
        audience=_audience(message.audience) if message.HasField("audience") else None,
        not_after=kinds.moment(message, "not_after"),
        max_per_second=message.max_per_second,
    )


def run_state(number: int) -> RunState | None:
    """Return the state a filter asks for, None for drafts."""
    return kinds.kind(pb.RunState, RunState, number)


def campaign(stored: Campaign) -> pb.Campaign:
    """Return a campaign as clients see it."""
    return pb.Campaign(
        id=str(stored.id),
        revision=stored.revision,
        etag=str(stored.revision),
        name=stored.name,
        channel=kinds.number(template_pb2.Channel, stored.channel),
        purpose=kinds.number(template_pb2.Purpose, stored.purpose),
        advertiser_id=str(stored.advertiser_id),
        sender_identity_id=str(stored.sender_identity_id),
        template_id=str(stored.template_id),
        audience=_shown(stored.audience),
        not_after=times.out(stored.not_after),
        max_per_second=stored.max_per_second,
        latest_run_id=str(stored.latest_run_id or ""),
        latest_run_state=kinds.number(pb.RunState, stored.latest_run_state),
        creator_id=stored.creator_id,
        team_id=str(stored.team_id or ""),
        create_time=times.out(stored.create_time),
        update_time=times.out(stored.update_time),
    )


def changed(stored: Campaign, *, deleted: bool = False) -> events_pb2.CampaignChanged:
    """Return the event of a change."""
    return events_pb2.CampaignChanged(campaign=campaign(stored), deleted=deleted)


def unreached(message: pb.Unreached) -> Unreached:
    """Return whom of a run somebody means."""
    found = [kinds.kind(pb.UnreachedState, RecipientState, it) for it in message.states]
    states = tuple(sorted({it for it in found if it is not None}))
    return Unreached(message.run_id, states, message.accept_duplicate)


def _shown(audience: Audience) -> pb.Audience:
    shown = pb.Audience(
        kind=audience.kind,
        segment_ids=audience.segment_ids,
        contact_ids=audience.contact_ids,
        excluded_segment_ids=audience.excluded_segment_ids,
    )
    if audience.unreached is not None:
        shown.unreached.run_id = audience.unreached.run_id
        shown.unreached.accept_duplicate = audience.unreached.accept_duplicate
        states = [kinds.number(pb.UnreachedState, it) for it in audience.unreached.states]
        shown.unreached.states.extend(states)
    return shown


def _audience(message: pb.Audience) -> Audience:
    return Audience(
        kind=message.kind,
        segment_ids=tuple(message.segment_ids),
        contact_ids=tuple(message.contact_ids),
        excluded_segment_ids=tuple(message.excluded_segment_ids),
        unreached=unreached(message.unreached) if message.HasField("unreached") else None,
    )
