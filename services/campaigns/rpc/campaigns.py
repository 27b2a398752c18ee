"""CampaignService."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from crm.campaigns.v1 import campaign_pb2 as pb
from crm.campaigns.v1 import campaign_service_pb2 as service_pb
from crm.campaigns.v1 import campaign_service_pb2_grpc as service_grpc
from crm.campaigns.v1 import run_pb2
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import context
from chassis.db import Sessions, idempotency, paging
from chassis.errors import FailedPrecondition, FieldViolation
from chassis.rpc import fieldmask
from services.campaigns.clients.leads import Leads, View
from services.campaigns.clients.notifier import Senders
from services.campaigns.clients.renderer import Renderer
from services.campaigns.domain import campaigns as domain
from services.campaigns.domain import templates as template_rules
from services.campaigns.domain.campaigns import Campaign, Draft
from services.campaigns.domain.clock import Clock
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.templates import Content
from services.campaigns.messages import campaigns as messages
from services.campaigns.messages import runs as run_messages
from services.campaigns.messages import templates as template_messages
from services.campaigns.rpc import reviews
from services.campaigns.rpc.requests import identifier, wrong
from services.campaigns.storage import campaigns as stored
from services.campaigns.storage import partitions, templates
from services.campaigns.usecases import access, runs, unreached
from services.campaigns.usecases import campaigns as usecases

DEFAULT_SAMPLE, MAX_SAMPLE = 3, 20
# So many are asked of the gates: all of a small audience, a sample of a large one.
GATED = 100
MAX_BATCH = 1_000
_ALWAYS_FITS = datetime.min.replace(tzinfo=UTC)


class CampaignServicer(service_grpc.CampaignServiceServicer):
    """Messages to many people."""

    def __init__(
        self,
        sessions: Sessions,
        leads: Leads,
        senders: Senders,
        renderer: Renderer,
        clock: Clock,
        seal_key: SecretStr,
    ) -> None:
        self._sessions = sessions
        self._leads = leads
        self._senders = senders
        self._renderer = renderer
        self._clock = clock
        self._seal_key = seal_key

    async def CreateCampaign(
        self, request: service_pb.CreateCampaignRequest, _: Any
    ) -> pb.Campaign:
        """Draft a campaign."""
        caller = access.reach("write")
        draft = messages.draft(request.campaign)
        await self._check(draft, domain.violations(draft, self._clock()))

        async with self._sessions.begin() as session:

            async def work() -> pb.Campaign:
                made = await usecases.create(session, draft, caller, self._clock())
                return messages.campaign(made)

            return await idempotency.once(session, "CreateCampaign", request, pb.Campaign, work)

    async def GetCampaign(self, request: service_pb.GetCampaignRequest, _: Any) -> pb.Campaign:
        """Return one campaign."""
        campaign_id = identifier("id", request.id)
        async with self._sessions.begin() as session:
            return messages.campaign(await access.campaign(session, campaign_id))

    async def BatchGetCampaigns(
        self, request: service_pb.BatchGetCampaignsRequest, _: Any
    ) -> service_pb.BatchGetCampaignsResponse:
        """Return several campaigns."""
        if len(request.ids) > MAX_BATCH:
            raise wrong("ids", f"has more than {MAX_BATCH} ids")
        ids = [identifier(f"ids[{place}]", each) for place, each in enumerate(request.ids)]
        async with self._sessions.begin() as session:
            found = await stored.several(session, ids, access.reach())
        return service_pb.BatchGetCampaignsResponse(
            campaigns=[messages.campaign(each) for each in found]
        )

    async def DuplicateCampaign(
        self, request: service_pb.DuplicateCampaignRequest, _: Any
    ) -> pb.Campaign:
        """Draft a copy of a campaign."""
        caller = access.reach("write")
        campaign_id = identifier("id", request.id)
        async with self._sessions.begin() as session:
            await access.campaign(session, campaign_id)

            async def work() -> pb.Campaign:
                made = await usecases.duplicate(
                    session, campaign_id, request.name.strip(), caller, self._clock()
                )
                return messages.campaign(made)

            return await idempotency.once(session, "DuplicateCampaign", request, pb.Campaign, work)

    async def DraftResend(self, request: service_pb.DraftResendRequest, _: Any) -> pb.Campaign:
        """Draft a campaign to those whom a run did not reach."""
        caller = access.reach("write")
        wanted = messages.unreached(request.unreached)
        run_id = identifier("unreached.run_id", wanted.run_id)
        async with self._sessions.begin() as session:
            await access.run(session, run_id)

            async def work() -> pb.Campaign:
                made = await unreached.draft(
                    session, wanted, request.name.strip(), caller, self._clock()
                )
                return messages.campaign(made)

            return await idempotency.once(session, "DraftResend", request, pb.Campaign, work)

    async def ListCampaigns(
        self, request: service_pb.ListCampaignsRequest, _: Any
    ) -> service_pb.ListCampaignsResponse:
        """Return a page of campaigns, newest first."""
        wanted = {"channel": request.channel, "states": sorted(request.latest_run_states)}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        channel = template_messages.channel(request.channel)
        states = [messages.run_state(each) for each in request.latest_run_states]
        async with self._sessions.begin() as session:
            found = await stored.read_page(session, page, access.reach(), channel, states)
        shown = found[: page.size]
        response = service_pb.ListCampaignsResponse(
            campaigns=[messages.campaign(each) for each in shown]
        )
        if len(found) > page.size:
            response.next_page_token = paging.token([shown[-1].id], wanted, self._seal_key)
        return response

    async def UpdateCampaign(
        self, request: service_pb.UpdateCampaignRequest, _: Any
    ) -> pb.Campaign:
        """Change a campaign that has no running run."""
        campaign_id = identifier("campaign.id", request.campaign.id)
        paths = _paths(request)
        async with self._sessions.begin() as session:
            read = await access.campaign(session, campaign_id, "write")
        usecases.check_etag(read, request.campaign.etag)
        usecases.check_idle(read, "changed")
        draft = domain.changed(read.draft(), messages.draft(request.campaign), paths)
        # A time that has passed is only wrong for whoever sets it.
        now = self._clock() if "not_after" in paths else _ALWAYS_FITS
        await self._check(draft, domain.violations(draft, now))
        async with self._sessions.begin() as session:
            return messages.campaign(await usecases.change(session, read, draft, self._clock()))

    async def DeleteCampaign(
        self, request: service_pb.DeleteCampaignRequest, _: Any
    ) -> empty_pb2.Empty:
        """Delete a campaign that was never started."""
        campaign_id = identifier("id", request.id)
        async with self._sessions.begin() as session:
            await access.campaign(session, campaign_id, "delete")
            await usecases.delete(session, campaign_id, request.etag)
        return empty_pb2.Empty()

    async def ReviewCampaign(
        self, request: service_pb.ReviewCampaignRequest, _: Any
    ) -> service_pb.ReviewCampaignResponse:
        """Say how many would get it, how many would not and why; show what some would get."""
        campaign_id = identifier("id", request.id)
        if request.sample_size < 0:
            raise wrong("sample_size", "must not be negative")
        campaign, content = await self._with_content(campaign_id, "read")
        size = min(request.sample_size or DEFAULT_SAMPLE, MAX_SAMPLE)
        view = _view(campaign, content)
        audience = campaign.audience
        sample = await reviews.divided(self._sessions, self._leads, audience, view, GATED)
        gates = await self._senders.probe(campaign, sample.members)
        members = await reviews.readable(self._sessions, self._leads, audience, view, sample, size)
        shown = replace(sample, members=members)
        rendered = await self._renderer.render(
            template_rules.source(content), reviews.values(content, members)
        )
        asked = len(sample.members)
        review = reviews.review(campaign.channel, shown, rendered, gates, asked)
        if campaign.channel is Channel.SMS:
            texts = [each.text for each in review.samples if not each.failure]
            counted = await self._senders.count(campaign, texts) if texts else None
            if counted is not None:
                reviews.count(review, counted)
        review.attachments.extend(template_messages.attachments(content.attachments))
        return review

    async def StartCampaign(self, request: service_pb.StartCampaignRequest, _: Any) -> run_pb2.Run:
        """Start a run of a campaign that has none going."""
        creator = context.require_principal().subject
        campaign_id = identifier("id", request.id)
        if not request.request_id:
            raise wrong("request_id", "is required")
        done = await self._started(request)
        if done is not None:
            return done
        campaign, content = await self._with_content(campaign_id, "start")
        now = self._clock()
        runs.check_start(campaign, request.etag, now)
        await self._check(campaign.draft(), [])
        await self._check_audience(campaign)
        async with self._sessions.begin() as session:
            await partitions.make(session, runs.run_date(now))
        async with self._sessions.begin() as session:

            async def work() -> run_pb2.Run:
                return run_messages.run(await runs.start(session, campaign, content, creator, now))

            return await idempotency.once(session, "StartCampaign", request, run_pb2.Run, work)

    async def _started(self, request: service_pb.StartCampaignRequest) -> run_pb2.Run | None:
        """Return the run this request started before; what was checked then may have changed."""
        async with self._sessions.begin() as session:
            return await idempotency.remembered(
                session,
                method="StartCampaign",
                request_id=request.request_id,
                request=request,
                response_type=run_pb2.Run,
            )

    async def _with_content(self, campaign_id: UUID, action: str) -> tuple[Campaign, Content]:
        async with self._sessions.begin() as session:
            campaign = await access.campaign(session, campaign_id, action)
            template = await templates.get(session, campaign.template_id)
            return campaign, await templates.get_content(session, template.content_hash)

    async def _check(self, draft: Draft, violations: Sequence[FieldViolation]) -> None:
        """Raise `InvalidArgument` naming every bad field, those that others know of included."""
        async with self._sessions.begin() as session:
            of_template = await usecases.check_template(session, draft)
            of_run = await unreached.check(session, draft)
        of_senders = await self._senders.violations(draft)
        usecases.refuse([*violations, *of_template, *of_run, *of_senders])

    async def _check_audience(self, campaign: Campaign) -> None:
        wanted = campaign.audience.unreached
        if wanted is not None:
            async with self._sessions.begin() as session:
                anybody = bool((await unreached.some(session, wanted, 0)).ids)
        else:
            anybody = await self._leads.anybody(campaign.audience)
        if not anybody:
            raise FailedPrecondition(
                "AUDIENCE_EMPTY",
                "the audience is empty",
                resource="campaign",
                id=campaign.id,
            )


def _paths(request: service_pb.UpdateCampaignRequest) -> list[str]:
    """Return the fields to change; a path below the audience stands for all of it."""
    paths = fieldmask.paths(request.update_mask, request.campaign, domain.FIELDS)
    return sorted({path.split(".")[0] for path in paths})


def _view(campaign: Campaign, content: Content) -> View:
    return View(
        campaign.channel, campaign.purpose, campaign.advertiser_id, content.contact_variables
    )
