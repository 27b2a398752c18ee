"""What a review says of an audience before anything is sent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from crm.campaigns.v1 import campaign_pb2
from crm.campaigns.v1 import campaign_service_pb2 as pb

from chassis.db import Sessions
from chassis.rpc import times
from services.campaigns.clients.leads import Leads, Sample, View
from services.campaigns.clients.notifier import Counted, Probe
from services.campaigns.clients.renderer import Rendered
from services.campaigns.domain import rendering
from services.campaigns.domain.campaigns import Audience, Unreached
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.planning import Member
from services.campaigns.domain.states import ExclusionReason
from services.campaigns.domain.templates import Content
from services.campaigns.messages import kinds, templates
from services.campaigns.usecases import unreached


def values(content: Content, members: Sequence[Member]) -> list[Mapping[str, str]]:
    """Return each person's values; those that only the notifier knows are samples."""
    sender = {name: rendering.SAMPLE_VALUES[name] for name in rendering.SENDER_VARIABLES}
    names = content.contact_variables
    return [{**sender, **dict(zip(names, each.values, strict=True))} for each in members]


async def of_unreached(
    sessions: Sessions, leads: Leads, wanted: Unreached, view: View, size: int
) -> Sample:
    """Return how those a run did not reach would divide now; leads is asked for some at a time."""
    whole, excluded = Sample(0, 0, {}, []), Counter[ExclusionReason]()
    after = 0
    while True:
        async with sessions.begin() as session:
            found = await unreached.some(session, wanted, after)
        if not found.ids:
            return replace(whole, excluded=dict(excluded))
        people = Audience(contact_ids=tuple(str(UUID(bytes=it)) for it in found.ids))
        part = await leads.sample(people, view, size)
        excluded.update(part.excluded)
        excluded[ExclusionReason.CONTACT_GONE] += len(found.ids) - part.size
        whole = replace(
            whole,
            size=whole.size + len(found.ids),
            reachable=whole.reachable + part.reachable,
            members=[*whole.members, *part.members][:size],
        )
        after = found.last


def review(
    channel: Channel,
    sample: Sample,
    rendered: Sequence[Rendered],
    gates: Probe | None,
    asked: int,
) -> pb.ReviewCampaignResponse:
    """Return a review: audience = planned + excluded; `gates` were told of `asked` people."""
    samples = [
        templates.rendered(
            channel,
            done.fields,
            address=member.address,
            failure=f"{done.refusal.field} {done.refusal.text}" if done.refusal else "",
        )
        for member, done in zip(sample.members, rendered, strict=True)
    ]
    return pb.ReviewCampaignResponse(
        audience=sample.size,
        planned=sample.reachable,
        excluded=[
            pb.Exclusion(reason=kinds.number(campaign_pb2.ExclusionReason, reason), count=count)
            for reason, count in sample.excluded.items()
            if count
        ],
        max_segments=max((each.segments for each in samples), default=0),
        samples=samples,
        gates=_gates(gates, asked, sample.reachable) if gates else None,
    )


def count(review: pb.ReviewCampaignResponse, counted: Sequence[Counted]) -> None:
    """Note in a review what its samples, those that could be rendered, become and cost."""
    whole = [it for it in review.samples if not it.failure]
    for sample, it in zip(whole, counted, strict=True):
        sample.text, sample.encoding = it.text, it.encoding
        sample.segments, sample.billed_segments = it.segments, it.billed
    review.max_segments = max((it.segments for it in whole), default=0)
    dearest = max(counted, key=lambda it: it.billed, default=None)
    if dearest is not None:
        review.max_billed_segments, review.billing_rule = dearest.billed, dearest.rule


def _gates(probe: Probe, asked: int, planned: int) -> pb.GateCheck:
    return pb.GateCheck(
        checked=asked,
        exact=asked == planned,
        may_go=probe.may_go,
        stopped=[
            pb.GateCount(
                deferred=each.is_deferred,
                reason=each.reason,
                rule=each.rule,
                count=each.count,
                not_before=times.out(each.not_before),
            )
            for each in probe.stopped
        ],
    )
