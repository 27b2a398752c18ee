"""Why a colleague can or cannot see and change something."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crm.campaigns.v1 import access_service_pb2 as campaigns
from crm.campaigns.v1.access_service_pb2_grpc import AccessServiceStub as OfCampaigns
from crm.interactions.v1 import access_service_pb2 as interactions
from crm.interactions.v1.access_service_pb2_grpc import AccessServiceStub as OfInteractions
from crm.leads.v1 import access_service_pb2 as leads
from crm.leads.v1.access_service_pb2_grpc import AccessServiceStub as OfLeads
from flask import Blueprint, abort, request, url_for

from services.gateway.web import desk, lookups
from services.gateway.web.forms import Form


@dataclass(frozen=True)
class Kind:
    """How a kind of thing is asked about."""

    stub: Callable[[Any], Any]
    method: str
    request: Callable[..., Any]


_KINDS: Mapping[str, Kind] = {
    "contacts": Kind(OfLeads, "ExplainContactAccess", leads.ExplainContactAccessRequest),
    "follow_ups": Kind(
        OfInteractions, "ExplainFollowUpAccess", interactions.ExplainFollowUpAccessRequest
    ),
    "proposals": Kind(
        OfInteractions, "ExplainProposalAccess", interactions.ExplainProposalAccessRequest
    ),
    "campaigns": Kind(OfCampaigns, "ExplainCampaignAccess", campaigns.ExplainCampaignAccessRequest),
}
_PAGES = {
    "contacts": ("web.contact", "contact_id"),
    "follow_ups": ("web.follow_up", "follow_up_id"),
    "proposals": ("web.proposal", "proposal_id"),
    "campaigns": ("web.review", "campaign_id"),
}


def add(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/access/<resource>/<uuid:its_id>", endpoint="access")(show)


def show(resource: str, its_id: object) -> desk.View:
    """Ask for a colleague, and explain what they may do with it."""
    if resource not in _KINDS:
        abort(404)
    form = Form.filled({"user_id": request.args.get("user_id", "")})
    told = None
    if form.get("user_id"):
        kind = _KINDS[resource]
        asked = kind.request(id=str(its_id), user_id=form.get("user_id"))
        explain = getattr(desk.ask(kind.stub), kind.method)
        told = form.attempt(lambda: explain(asked), known=["user_id"])
    endpoint, name = _PAGES[resource]
    place: dict[str, Any] = {name: its_id}
    body = desk.page(
        "access.html",
        form=form,
        told=told,
        resource=resource,
        back=url_for(endpoint, **place),
        users=lookups.users(),
    )
    return body, form.status
