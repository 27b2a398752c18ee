"""Everything ever sent to one address, for whoever answers its owner."""

from crm.notifier.v1 import support_service_pb2
from crm.notifier.v1.support_service_pb2_grpc import SupportServiceStub
from flask import Blueprint

from services.gateway.web import desk, lookups
from services.gateway.web.forms import Form

SIZE = 20


def add(pages: Blueprint) -> None:
    """Add the routes. An address is asked for by POST: it belongs in no history and no log."""
    pages.get("/support", endpoint="support")(show)
    pages.post("/support", endpoint="look_up")(look_up)


def show() -> desk.View:
    """Show the question."""
    return desk.page("support.html", form=Form(), found=None)


def look_up() -> desk.View:
    """Show what was sent to an address, newest first."""
    form = Form.sent()
    asked = support_service_pb2.LookUpAddressRequest(
        address=form.get("address"),
        reason=form.get("reason"),
        page_size=SIZE,
        page_token=form.get("page"),
    )
    found = form.attempt(
        lambda: desk.ask(SupportServiceStub).LookUpAddress(asked), known=["address", "reason"]
    )
    messages = found.messages if found else []
    body = desk.page(
        "support_rows.html" if desk.partial() and found else "support.html",
        form=form,
        found=found,
        campaigns=lookups.campaigns([it.campaign_id for it in messages]),
        people=lookups.contacts([it.message.contact_id for it in messages]),
        advertisers={it.id: it.name for it in lookups.advertisers()} if found else {},
    )
    return body, form.status
