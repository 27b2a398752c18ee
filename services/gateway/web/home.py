"""The first page: what is to be done today, and how the latest campaigns go."""

from datetime import UTC, datetime, timedelta

from crm.campaigns.v1 import campaign_service_pb2
from crm.campaigns.v1.campaign_service_pb2_grpc import CampaignServiceStub
from crm.interactions.v1 import follow_up_service_pb2
from crm.interactions.v1.follow_up_service_pb2_grpc import FollowUpServiceStub
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from flask import Blueprint

from services.gateway.web import desk, follow_ups, formats, lookups

SHOWN = 8
COUNTED = 100


def add(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/", endpoint="home")(show)


def show() -> desk.View:
    """Show today's work; a service that is away leaves its part out and is named."""
    now = datetime.now(UTC)
    to_do = desk.maybe(lambda: _to_do(now), source="interactions")
    recent = desk.maybe(
        lambda: desk.ask(CampaignServiceStub).ListCampaigns(
            campaign_service_pb2.ListCampaignsRequest(page_size=5)
        ),
        source="campaigns",
    )
    shown = list(to_do.follow_ups if to_do else [])
    return desk.page(
        "home.html",
        to_do=shown[:SHOWN],
        due=len(shown),
        most=COUNTED,
        overdue=sum(1 for it in shown if follow_ups.overdue(it, now)),
        late={it.id for it in shown if follow_ups.overdue(it, now)},
        fresh=desk.maybe(lambda: _fresh(now), source="leads"),
        recent=recent,
        contacts=lookups.contacts([it.contact_ids[0] for it in shown[:SHOWN] if it.contact_ids]),
    )


def _to_do(now: datetime) -> follow_up_service_pb2.ListFollowUpsResponse:
    """Return one's own up to the end of today, the overdue included."""
    zone = formats.zone(desk.time_zone())
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = follow_up_service_pb2.ListFollowUpsRequest(
        page_size=COUNTED, assignee_id=desk.me().user.id, statuses=list(follow_ups.TO_DO)
    )
    asked.start_until.FromDatetime(midnight + timedelta(days=1))
    return desk.ask(FollowUpServiceStub).ListFollowUps(asked)


def _fresh(now: datetime) -> contact_service_pb2.ListContactsResponse:
    """Return leads of the last week that nobody has met yet; at most as many as are counted."""
    asked = contact_service_pb2.ListContactsRequest(
        page_size=COUNTED,
        kind=contact_pb2.CONTACT_KIND_LEAD,
        statuses=[contact_pb2.LEAD_STATUS_NEW],
    )
    asked.created_from.FromDatetime(now - timedelta(days=7))
    return desk.ask(ContactServiceStub).ListContacts(asked)
