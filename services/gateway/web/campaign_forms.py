"""The fields of a campaign: a new one, and changes of a draft."""

from crm.campaigns.v1 import campaign_pb2, campaign_service_pb2, template_pb2
from crm.campaigns.v1.campaign_service_pb2_grpc import CampaignServiceStub
from crm.leads.v1 import segment_pb2, segment_service_pb2
from crm.leads.v1.segment_service_pb2_grpc import SegmentServiceStub
from flask import Blueprint, request, url_for

from services.gateway.web import campaigns, desk, formats, lookups, names
from services.gateway.web.forms import Form

KNOWN = (
    "name channel purpose advertiser_id sender_identity_id template_id audience not_after "
    "max_per_second"
).split()
AUDIENCES = ("everybody", "segments", "tag")


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/campaigns/new", endpoint="new_campaign")(new)
    pages.post("/campaigns/new", endpoint="create_campaign")(create)
    pages.get("/campaigns/<uuid:campaign_id>/edit", endpoint="edit_campaign")(edit)
    pages.post("/campaigns/<uuid:campaign_id>/edit", endpoint="update_campaign")(update)


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


def edit(campaign_id: object) -> desk.View:
    """Show a campaign's fields."""
    stored = campaigns.get(campaign_id)
    return _form(_form_of(stored), stored)


def update(campaign_id: object) -> desk.View:
    """Store what was changed and go to the review."""
    form = Form.sent()
    stored = campaigns.get(campaign_id)
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
