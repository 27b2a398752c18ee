"""What a review says of an audience before anything is sent."""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from uuid import UUID

from crm.campaigns.v1 import campaign_pb2
from crm.campaigns.v1 import campaign_service_pb2 as pb

from chassis import context, scope
from chassis.context import Level
from chassis.db import Sessions
from chassis.rpc import client, times
from services import variables
from services.campaigns.clients.leads import Leads, Sample, View
from services.campaigns.clients.notifier import Counted, Probe
from services.campaigns.clients.renderer import Rendered
from services.campaigns.domain import rendering
from services.campaigns.domain.campaigns import Audience
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.planning import Member
from services.campaigns.domain.states import ExclusionReason
from services.campaigns.domain.templates import Content
from services.campaigns.messages import kinds, templates
from services.campaigns.usecases import unreached


async def divided(
    sessions: Sessions, leads: Leads, audience: Audience, view: View, size: int
) -> Sample:
    """Return how an audience would divide now, with up to `size` of the reachable."""
    whole, excluded = Sample(0, 0, {}, []), Counter[ExclusionReason]()
    async for asked, part in _parts(sessions, leads, audience, view, size):
        excluded.update(part.excluded)
        if asked is not None:
            excluded[ExclusionReason.CONTACT_GONE] += asked - part.size
        whole = replace(
            whole,
            size=whole.size + (part.size if asked is None else asked),
            reachable=whole.reachable + part.reachable,
            members=[*whole.members, *part.members][:size],
        )
    return replace(whole, excluded=dict(excluded))


async def readable(
    sessions: Sessions, leads: Leads, audience: Audience, view: View, whole: Sample, size: int
) -> list[Member]:
    """Return up to `size` of the reachable whose data the caller may read; some of `whole` are.

    Leads is asked on behalf of whom it shows some people alone. Raises `PermissionDenied` when
    nothing may be done on their behalf any more.
    """
    caller = context.require_principal()
    reach = scope.to(caller, "contacts", "read")
    if reach.is_all:
        return whole.members[:size]
    found: list[Member] = []
    if reach.level is Level.NONE:
        return found
    with client.acting_for(caller.subject):
        async with aclosing(_parts(sessions, leads, audience, view, size)) as parts:
            async for _, part in parts:
                theirs = await leads.readable([it.contact_id for it in part.members], reach)
                found += [it for it in part.members if it.contact_id in theirs]
                if len(found) >= size:
                    break
    return found[:size]


def values(content: Content, members: Sequence[Member]) -> list[Mapping[str, str]]:
    """Return each person's values but for what the caller's role hides.

    Those that only the notifier knows are samples.
    """
    hidden = context.require_principal().hidden
    sender = {name: rendering.SAMPLE_VALUES[name] for name in rendering.SENDER_VARIABLES}
    names = content.contact_variables
    theirs = (dict(zip(names, each.values, strict=True)) for each in members)
    return [{**sender, **variables.shown(it, hidden)} for it in theirs]


async def _parts(
    sessions: Sessions, leads: Leads, audience: Audience, view: View, size: int
) -> AsyncGenerator[tuple[int | None, Sample], None]:
    """Yield an audience as leads divides it: at once, or, of whom a run did not reach, by parts.

    With the latter comes of how many it was asked.
    """
    wanted, after = audience.unreached, 0
    if wanted is None:
        yield None, await leads.sample(audience, view, size)
        return
    while True:
        async with sessions.begin() as session:
            found = await unreached.some(session, wanted, after)
        if not found.ids:
            return
        people = Audience(contact_ids=tuple(str(UUID(bytes=it)) for it in found.ids))
        yield len(found.ids), await leads.sample(people, view, size)
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
