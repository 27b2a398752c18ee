"""Campaigns: the list, and the review that ends with one Start button."""

from collections.abc import Sequence

from crm.campaigns.v1 import campaign_pb2, campaign_service_pb2, template_pb2
from crm.campaigns.v1.campaign_service_pb2_grpc import CampaignServiceStub
from flask import Blueprint, Response, flash, make_response, request, url_for

from services.gateway.web import desk, lookups, names, templates
from services.gateway.web.forms import Form

SAMPLES = 3


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/campaigns", endpoint="campaigns")(listing)
    pages.get("/campaigns/<uuid:campaign_id>", endpoint="campaign")(detail)
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
