"""Campaigns: the list, a new one, and the review that ends with one Start button."""

from collections.abc import Sequence

from crm.campaigns.v1 import campaign_pb2, campaign_service_pb2, template_pb2
from crm.campaigns.v1.campaign_service_pb2_grpc import CampaignServiceStub
from crm.leads.v1 import segment_pb2, segment_service_pb2
from crm.leads.v1.segment_service_pb2_grpc import SegmentServiceStub
from flask import Blueprint, Response, flash, make_response, request, url_for

from services.gateway.web import desk, formats, lookups, names, templates
from services.gateway.web.forms import Form

KNOWN = (
    "name channel purpose advertiser_id sender_identity_id template_id audience not_after "
    "max_per_second"
).split()
AUDIENCES = ("everybody", "segments", "tag")
SAMPLES = 3


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/campaigns", endpoint="campaigns")(listing)
    pages.get("/campaigns/new", endpoint="new_campaign")(new)
    pages.post("/campaigns/new", endpoint="create_campaign")(create)
    pages.get("/campaigns/<uuid:campaign_id>", endpoint="campaign")(detail)
    pages.get("/campaigns/<uuid:campaign_id>/edit", endpoint="edit_campaign")(edit)
    pages.post("/campaigns/<uuid:campaign_id>/edit", endpoint="update_campaign")(update)
    pages.get("/campaigns/<uuid:campaign_id>/review", endpoint="review")(review)
    pages.get("/campaigns/<uuid:campaign_id>/samples", endpoint="samples")(samples)
    pages.post("/campaigns/<uuid:campaign_id>/start", endpoint="start")(start)
    pages.post("/campaigns/<uuid:campaign_id>/duplicate", endpoint="duplicate")(duplicate)
    pages.post("/campaigns/<uuid:campaign_id>/delete", endpoint="delete_campaign")(delete)


def listing() -> desk.View:
    """List the campaigns, newest first."""
    asked = campaign_service_pb2.ListCampaignsRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        channel=template_pb2.Channel.ValueType(
            names.value(template_pb2.Channel, request.args.get("channel", ""))
        ),
        latest_run_states=_states(request.args.get("state", "")),
    )
    found = desk.ask(CampaignServiceStub).ListCampaigns(asked)
    filters = {name: request.args.get(name, "") for name in ("channel", "state")}
    template = "campaigns_rows.html" if desk.partial() else "campaigns.html"
    return desk.page(template, found=found, filters=filters)


def _states(name: str) -> Sequence[campaign_pb2.RunState.ValueType]:
    if name == "draft":
        return [campaign_pb2.RUN_STATE_UNSPECIFIED]
    number = names.value(campaign_pb2.RunState, name)
    return [campaign_pb2.RunState.ValueType(number)] if number else []


def get(campaign_id: object) -> campaign_pb2.Campaign:
    """Return one campaign; raises `NotFound`."""
    asked = campaign_service_pb2.GetCampaignRequest(id=str(campaign_id))
    return desk.ask(CampaignServiceStub).GetCampaign(asked)


def detail(campaign_id: object) -> desk.View:
    """Go where a campaign stands: its review while it is a draft, its newest run after."""
    campaign = get(campaign_id)
    if campaign.latest_run_id:
        return desk.to(url_for("web.run", run_id=campaign.latest_run_id))
    return desk.to(url_for("web.review", campaign_id=campaign.id))


def new() -> desk.View:
    """Show the empty form, with the only choice made where there is only one."""
    advertisers = lookups.advertisers()
    only = advertisers[0].id if len(advertisers) == 1 else ""
    chosen = request.args.get("template", "")
    channel = request.args.get("channel", "email")
    stored = next((it for it in lookups.templates() if it.id == chosen), None)
    if stored is not None:
        channel = names.short(template_pb2.Channel, stored.channel)
    return _form(
        Form.filled(
            {
                "channel": channel,
                "purpose": "care",
                "advertiser_id": only,
                "template_id": chosen,
                "audience_kind": "everybody",
                "segment_ids": request.args.getlist("segment"),
            }
        )
    )


def create() -> desk.View:
    """Draft a campaign and go to its review."""
    form = Form.sent()
    campaign = _read(form)
    created = None
    if not form.bad:
        asked = campaign_service_pb2.CreateCampaignRequest(
            campaign=campaign, request_id=form.request_id
        )
        created = form.attempt(
            lambda: desk.ask(CampaignServiceStub).CreateCampaign(asked),
            prefix="campaign.",
            known=KNOWN,
        )
    if created is None:
        return _form(form)
    return desk.to(url_for("web.review", campaign_id=created.id))


def duplicate(campaign_id: object) -> desk.View:
    """Copy a campaign as a draft and show its fields."""
    form = Form.sent()
    asked = campaign_service_pb2.DuplicateCampaignRequest(
        id=str(campaign_id), request_id=form.request_id
    )
    made = form.attempt(lambda: desk.ask(CampaignServiceStub).DuplicateCampaign(asked))
    if made is None:
        return _review(campaign_id, form)
    flash(desk.t("campaigns.duplicated"))
    return desk.to(url_for("web.edit_campaign", campaign_id=made.id))


def edit(campaign_id: object) -> desk.View:
    """Show a campaign's fields."""
    stored = get(campaign_id)
    return _form(_form_of(stored), stored)


def update(campaign_id: object) -> desk.View:
    """Store what was changed and go to the review."""
    form = Form.sent()
    stored = get(campaign_id)
    campaign = _read(form)
    campaign.id, campaign.etag = stored.id, form.get("etag")
    if stored.audience.HasField("unreached"):
        campaign.audience.CopyFrom(stored.audience)  # chosen on the run's page, and there only
    updated = None
    if not form.bad:
        asked = campaign_service_pb2.UpdateCampaignRequest(campaign=campaign)
        asked.update_mask.paths.extend(KNOWN)
        updated = form.attempt(
            lambda: desk.ask(CampaignServiceStub).UpdateCampaign(asked),
            prefix="campaign.",
            known=KNOWN,
        )
    if updated is None:
        return _form(form, stored)
    return desk.to(url_for("web.review", campaign_id=updated.id))


def _read(form: Form) -> campaign_pb2.Campaign:
    channel = names.value(template_pb2.Channel, form.get("channel"))
    purpose = names.value(template_pb2.Purpose, form.get("purpose"))
    campaign = campaign_pb2.Campaign(
        name=form.get("name"),
        channel=template_pb2.Channel.ValueType(channel),
        purpose=template_pb2.Purpose.ValueType(purpose),
        advertiser_id=form.get("advertiser_id"),
        sender_identity_id=form.get("sender_identity_id"),
        template_id=form.get("template_id"),
        audience=_audience(form),
    )
    rate = form.get("max_per_second")
    if rate and not (rate.isascii() and rate.isdigit() and len(rate) < 8):
        form.refuse("max_per_second", desk.t("form.whole_number"))
    elif rate:
        campaign.max_per_second = int(rate)
    try:
        at = formats.from_field(form.get("not_after"), desk.time_zone())
    except ValueError:
        form.refuse("not_after", desk.t("form.time_unreadable"))
        return campaign
    if at is not None:
        campaign.not_after.FromDatetime(at)
    return campaign


def _audience(form: Form) -> campaign_pb2.Audience:
    audience = campaign_pb2.Audience(
        kind=form.get("kind"), excluded_segment_ids=form.all("excluded_segment_ids")
    )
    chosen = form.get("audience_kind")
    if chosen == "segments":
        audience.segment_ids.extend(form.all("segment_ids"))
        if not audience.segment_ids:
            form.refuse("audience", desk.t("campaigns.choose_segment"))
    elif chosen == "tag":
        segment_id = _segment_of_tag(form)
        if segment_id:
            audience.segment_ids.append(segment_id)
    return audience


def _segment_of_tag(form: Form) -> str:
    """Return the segment of everybody with a tag, made if there is none yet."""
    tag = form.get("tag")
    if not tag:
        form.refuse("audience", desk.t("campaigns.choose_tag"))
        return ""
    name = f"#{tag}"
    held = next((it.id for it in lookups.segments() if it.name == name), "")
    if held:
        return held
    segment = segment_pb2.Segment(name=name)
    segment.definition.conditions.add().tag.tags.append(tag)
    asked = segment_service_pb2.CreateSegmentRequest(segment=segment)
    made = form.attempt(lambda: desk.ask(SegmentServiceStub).CreateSegment(asked), known=["tag"])
    return made.id if made else ""


def _form_of(stored: campaign_pb2.Campaign) -> Form:
    segments = list(stored.audience.segment_ids)
    return Form.filled(
        {
            "name": stored.name,
            "channel": names.short(template_pb2.Channel, stored.channel),
            "purpose": names.short(template_pb2.Purpose, stored.purpose),
            "advertiser_id": stored.advertiser_id,
            "sender_identity_id": stored.sender_identity_id,
            "template_id": stored.template_id,
            "audience_kind": "segments" if segments else "everybody",
            "kind": stored.audience.kind,
            "segment_ids": segments,
            "excluded_segment_ids": list(stored.audience.excluded_segment_ids),
            "not_after": formats.field_moment(stored.not_after, desk.time_zone()),
            "max_per_second": str(stored.max_per_second or ""),
            "etag": stored.etag,
        }
    )


def _form(form: Form, stored: campaign_pb2.Campaign | None = None) -> desk.View:
    body = desk.page(
        "campaign_form.html",
        form=form,
        campaign=stored,
        advertisers=lookups.advertisers(),
        identities=lookups.sender_identities(),
        templates=lookups.templates(),
        segments=lookups.segments(),
        audiences=AUDIENCES,
        stale=form.reason == "ETAG_STALE",
    )
    return body, form.status


def review(campaign_id: object) -> desk.View:
    """Say who would get it, who would not and why; the samples load beside it."""
    return _review(campaign_id, Form())


def _review(campaign_id: object, form: Form) -> desk.View:
    campaign = get(campaign_id)
    asked = campaign_service_pb2.ReviewCampaignRequest(id=campaign.id, sample_size=1)
    found = desk.ask(CampaignServiceStub).ReviewCampaign(asked)
    body = desk.page(
        "review.html",
        campaign=campaign,
        found=found,
        form=form,
        sender=next(
            (it for it in lookups.sender_identities() if it.id == campaign.sender_identity_id), None
        ),
        template=next((it for it in lookups.templates() if it.id == campaign.template_id), None),
        segments={it.id: it.name for it in lookups.segments()},
    )
    return body, form.status


def samples(campaign_id: object) -> Response:
    """Return a document of the first messages as their recipients would get them."""
    asked = campaign_service_pb2.ReviewCampaignRequest(id=str(campaign_id), sample_size=SAMPLES)
    found = desk.ask(CampaignServiceStub).ReviewCampaign(asked)
    return templates.showing_mail(make_response(desk.page("samples.html", found=found)))


def start(campaign_id: object) -> desk.View:
    """Start a run; sent twice, it is one run."""
    form = Form.sent()
    asked = campaign_service_pb2.StartCampaignRequest(
        id=str(campaign_id), request_id=form.request_id, etag=form.get("etag")
    )
    run = form.attempt(lambda: desk.ask(CampaignServiceStub).StartCampaign(asked))
    if run is None:
        return _review(campaign_id, form)
    return desk.to(url_for("web.run", run_id=run.id))


def delete(campaign_id: object) -> desk.View:
    """Delete a draft."""
    form = Form.sent()
    asked = campaign_service_pb2.DeleteCampaignRequest(id=str(campaign_id), etag=form.get("etag"))
    form.attempt(lambda: desk.ask(CampaignServiceStub).DeleteCampaign(asked))
    if form.bad:
        return _review(campaign_id, form)
    flash(desk.t("campaigns.deleted"))
    return desk.to(url_for("web.campaigns"))
