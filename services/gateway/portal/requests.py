"""The customer's requests: asking, reading answers, replying."""

from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.interactions.v1.portal_service_pb2_grpc import PortalServiceStub
from flask import Blueprint, flash

from services.gateway.portal import desk
from services.gateway.web.forms import Form

ONE = "/requests/<uuid:request_id>"


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/requests", endpoint="requests")(listing)
    pages.post("/requests", endpoint="ask")(ask)
    pages.get(ONE, endpoint="request")(show)
    pages.post(ONE, endpoint="reply")(reply)


def listing() -> desk.View:
    """List what was asked, newest first, with a form to ask more."""
    return _list(Form())


def ask() -> desk.View:
    """Ask something."""
    form = Form.sent()
    asked = pb2.CreateMyRequestRequest(
        subject=form.get("subject"), text=form.get("text"), request_id=form.request_id
    )
    stub = desk.ask(PortalServiceStub)
    made = form.attempt(lambda: stub.CreateMyRequest(asked), known=["subject", "text"])
    if made is None:
        return _list(form), form.status
    flash(desk.t("requests.sent"))
    return desk.to("request", request_id=made.id)


def show(request_id: object) -> desk.View:
    """Show one with its replies."""
    return _one(request_id, Form())


def reply(request_id: object) -> desk.View:
    """Reply to one."""
    form = Form.sent()
    asked = pb2.ReplyToMyRequestRequest(
        id=str(request_id), text=form.get("text"), request_id=form.request_id
    )
    stub = desk.ask(PortalServiceStub)
    if form.attempt(lambda: stub.ReplyToMyRequest(asked), known=["text"]) is None:
        return _one(request_id, form), form.status
    flash(desk.t("requests.replied"))
    return desk.to("request", request_id=request_id)


def _list(form: Form) -> str:
    asked = pb2.ListMyRequestsRequest(page_size=desk.PAGE_SIZE, page_token=desk.page_token())
    found = desk.ask(PortalServiceStub).ListMyRequests(asked)
    return desk.page("requests.html", found=found, form=form)


def _one(request_id: object, form: Form) -> str:
    asked = pb2.GetMyRequestRequest(id=str(request_id))
    found = desk.ask(PortalServiceStub).GetMyRequest(asked)
    return desk.page("request.html", found=found, form=form)
