"""What the customer bought, paid and returned."""

from crm.leads.v1 import portal_service_pb2
from crm.leads.v1.portal_service_pb2_grpc import PortalServiceStub
from flask import Blueprint

from services.gateway.portal import desk


def add(pages: Blueprint) -> None:
    """Add the route."""
    pages.get("/purchases", endpoint="purchases")(listing)


def listing() -> desk.View:
    """List them with their lines, newest first."""
    asked = portal_service_pb2.ListMyTransactionsRequest(
        page_size=desk.PAGE_SIZE, page_token=desk.page_token()
    )
    found = desk.ask(PortalServiceStub).ListMyTransactions(asked)
    return desk.page("purchases.html", found=found)
