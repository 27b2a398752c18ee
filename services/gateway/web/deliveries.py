"""What became of the messages of a follow-up: figures, and the people behind each."""

from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2
from crm.interactions.v1.follow_up_service_pb2_grpc import FollowUpServiceStub
from crm.leads.v1 import contact_pb2
from flask import Blueprint, Response, request

from services.gateway.web import desk, follow_up_progress, follow_ups, lookups
from services.gateway.web.follow_up_progress import STATES


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/follow-ups/<uuid:follow_up_id>"
    pages.get(f"{one}/progress", endpoint="follow_up_progress")(progress)
    pages.get(f"{one}/deliveries", endpoint="deliveries")(listing)


def progress(follow_up_id: object) -> desk.View:
    """Return the figures of now; htmx asks again while something is under way."""
    follow_up = follow_ups.get(str(follow_up_id))
    figures = follow_up_progress.figures(follow_up)
    if desk.partial() and not figures["going"]:
        # The rest of the page tells an older state: its status, what may be done.
        return Response(status=204, headers={"HX-Refresh": "true"})
    return desk.page("follow_up_progress.html", follow_up=follow_up, **figures)


def listing(follow_up_id: object) -> desk.View:
    """List the people behind a figure, each with state and reason."""
    follow_up = follow_ups.get(str(follow_up_id))
    state = request.args.get("state", "")
    asked = follow_up_service_pb2.ListFollowUpDeliveriesRequest(
        follow_up_id=follow_up.id,
        states=STATES.get(state, ()),
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
    )
    found = desk.ask(FollowUpServiceStub).ListFollowUpDeliveries(asked)
    people = lookups.contacts([it.contact_id for it in found.deliveries])
    return desk.page(
        "deliveries_rows.html" if desk.partial() else "deliveries.html",
        follow_up=follow_up,
        found=found,
        people=people,
        state=state,
        states=STATES,
        state_name=follow_up_progress.state_name,
        reason_text=follow_up_progress.reason_text,
        address_of=lambda contact: address_of(follow_up, contact),
    )


def address_of(follow_up: follow_up_pb2.FollowUp, contact: contact_pb2.Contact | None) -> str:
    """Return the contact's first address of the follow-up's channel now, empty for none."""
    if contact is None:
        return ""
    if follow_up.type == follow_up_pb2.FOLLOW_UP_TYPE_SMS:
        return next((it.number for it in contact.phones), "")
    return next((it.address for it in contact.emails), "")
