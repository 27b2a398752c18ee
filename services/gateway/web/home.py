"""The first page: what is to be done today, and how the latest campaigns go."""

from datetime import UTC, datetime, timedelta

from crm.campaigns.v1 import campaign_service_pb2
from crm.campaigns.v1.campaign_service_pb2_grpc import CampaignServiceStub
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from flask import Blueprint

from services.gateway.web import day, desk, lookups

SHOWN = 50
COUNTED = 100


def add(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/", endpoint="home")(show)


def show() -> desk.View:
    """Show today's work; a service that is away leaves its part out and is named."""
    now = datetime.now(UTC)
    queues = desk.maybe(lambda: day.queues(SHOWN), source="interactions") or {}
    recent = desk.maybe(
        lambda: desk.ask(CampaignServiceStub).ListCampaigns(
            campaign_service_pb2.ListCampaignsRequest(page_size=5)
        ),
        source="campaigns",
    )
    shown = [it.contact_id for found in queues.values() for it in found.items]
    return desk.page(
        "home.html",
        queues=queues,
        most=COUNTED,
        fresh=desk.maybe(lambda: _fresh(now), source="leads"),
        recent=recent,
        contacts=lookups.contacts(shown),
    )


def _fresh(now: datetime) -> contact_service_pb2.ListContactsResponse:
    """Return leads of the last week that nobody has met yet; at most as many as are counted."""
    asked = contact_service_pb2.ListContactsRequest(
        page_size=COUNTED,
        kind=contact_pb2.CONTACT_KIND_LEAD,
        statuses=[contact_pb2.LEAD_STATUS_NEW],
    )
    asked.created_from.FromDatetime(now - timedelta(days=7))
    return desk.ask(ContactServiceStub).ListContacts(asked)
