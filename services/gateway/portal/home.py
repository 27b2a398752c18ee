"""The portal's first page: what is next, what waits for an answer, and the way to the rest."""

from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.interactions.v1.portal_service_pb2_grpc import PortalServiceStub
from flask import Blueprint

from services.gateway.portal import desk
from services.gateway.public.proposal_page import OPEN

SHOWN = 3


def add(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("", endpoint="home")(show)


def show() -> desk.View:
    """Show the first page; a part that is away is named and the rest works."""
    stub = desk.ask(PortalServiceStub)
    met = pb2.ListMyAppointmentsRequest(page_size=SHOWN)
    offered = pb2.ListMyProposalsRequest(page_size=desk.PAGE_SIZE)
    asked = pb2.ListMyRequestsRequest(page_size=SHOWN)
    appointments = desk.maybe(lambda: stub.ListMyAppointments(met), source="interactions")
    proposals = desk.maybe(lambda: stub.ListMyProposals(offered), source="interactions")
    requests = desk.maybe(lambda: stub.ListMyRequests(asked), source="interactions")
    return desk.page(
        "home.html",
        appointments=appointments.appointments if appointments else [],
        proposals=[it for it in (proposals.proposals if proposals else []) if it.state in OPEN],
        requests=requests.requests if requests else [],
    )
