"""What customers ask in the portal: the list, one with its replies, and answering it."""

from crm.interactions.v1 import request_pb2
from crm.interactions.v1 import request_service_pb2 as pb2
from crm.interactions.v1.request_service_pb2_grpc import RequestServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import desk, lookups, names
from services.gateway.web.forms import Form

STATES = request_pb2.RequestState
KINDS = request_pb2.RequestKind
WAITING = (STATES.REQUEST_STATE_OPEN, STATES.REQUEST_STATE_ANSWERED)


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/requests/<uuid:request_id>"
    pages.get("/requests", endpoint="requests")(listing)
    pages.get(one, endpoint="request")(detail)
    pages.post(f"{one}/reply", endpoint="reply_to_request")(reply)
    pages.post(f"{one}/close", endpoint="close_request")(close)


def listing() -> desk.View:
    """List those of a state, first those that wait for an answer."""
    wanted = request.args.get("state", "open")
    state, kind = names.value(STATES, wanted), names.value(KINDS, request.args.get("kind", ""))
    asked = pb2.ListRequestsRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        contact_id=request.args.get("contact", ""),
        states=[STATES.ValueType(state)] if state else [],
        kinds=[KINDS.ValueType(kind)] if kind else [],
    )
    found = desk.ask(RequestServiceStub).ListRequests(asked)
    contacts = lookups.contacts([it.contact_id for it in found.requests])
    return desk.page("requests.html", found=found, contacts=contacts, state=wanted)


def detail(request_id: object) -> desk.View:
    """Show one with its replies."""
    return _page(request_id, Form())


def reply(request_id: object) -> desk.View:
    """Answer one; the customer reads it in the portal."""
    form = Form.sent()
    asked = pb2.ReplyToRequestRequest(
        id=str(request_id), text=form.get("text"), request_id=form.request_id
    )
    stub = desk.ask(RequestServiceStub)
    if form.attempt(lambda: stub.ReplyToRequest(asked), known=["text"]) is None:
        return _page(request_id, form), form.status
    flash(desk.t("requests.answered"))
    return desk.to(url_for("web.request", request_id=request_id))


def close(request_id: object) -> desk.View:
    """Close one."""
    form = Form.sent()
    asked = pb2.CloseRequestRequest(id=str(request_id), etag=form.get("etag"))
    stub = desk.ask(RequestServiceStub)
    if form.attempt(lambda: stub.CloseRequest(asked)) is None:
        return _page(request_id, form), form.status
    flash(desk.t("requests.closed"))
    return desk.to(url_for("web.requests"))


def _page(request_id: object, form: Form) -> str:
    asked = pb2.GetRequestRequest(id=str(request_id))
    found = desk.ask(RequestServiceStub).GetRequest(asked)
    return desk.page(
        "request.html",
        found=found,
        form=form,
        contact=lookups.contacts([found.contact_id]).get(found.contact_id),
        waits=found.state in WAITING,
        erasure=found.kind == KINDS.REQUEST_KIND_ERASURE,
    )
