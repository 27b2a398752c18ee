"""Erasing a person: the order with its typed confirmation, and what came of all orders."""

from crm.leads.v1 import erasure_pb2, erasure_service_pb2
from crm.leads.v1.erasure_service_pb2_grpc import ErasureServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import contacts, desk, names
from services.gateway.web.forms import Form

_KNOWN = ["reason", "confirm"]
_STATES = {
    "running": erasure_pb2.ERASURE_STATE_RUNNING,
    "done": erasure_pb2.ERASURE_STATE_DONE,
}


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/contacts/<uuid:contact_id>/erase", endpoint="erase_contact")(ask)
    pages.post("/contacts/<uuid:contact_id>/erase", endpoint="order_erasure")(order)
    pages.get("/erasures", endpoint="erasures")(listing)
    pages.get("/erasures/<uuid:erasure_id>", endpoint="erasure")(show)
    pages.post("/erasures/<uuid:erasure_id>/repeat", endpoint="repeat_erasure")(repeat)


def ask(contact_id: object) -> desk.View:
    """Say what erasing means, and ask for a reason and the contact's code."""
    return _form(str(contact_id), Form.filled({"reason": request.args.get("reason", "")}))


def order(contact_id: object) -> desk.View:
    """Order it, or show what is refused."""
    form = Form.sent()
    reason = names.value(erasure_pb2.ErasureReason, form.get("reason"))
    asked = erasure_service_pb2.EraseContactRequest(
        contact_id=str(contact_id),
        reason=erasure_pb2.ErasureReason.ValueType(reason),
        confirm=form.get("confirm"),
    )
    made = form.attempt(lambda: desk.ask(ErasureServiceStub).EraseContact(asked), known=_KNOWN)
    if made is None:
        if form.reason == "ERASURE_UNCONFIRMED":
            form.general.clear()
            form.refuse("confirm", desk.t("erasures.unconfirmed"))
        return _form(str(contact_id), form)
    flash(desk.t("erasures.ordered"))
    return desk.to(url_for("web.erasure", erasure_id=made.id))


def listing() -> desk.View:
    """List orders, newest first, of one state if asked for."""
    asked = erasure_service_pb2.ListErasuresRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        state=_STATES.get(request.args.get("state", ""), erasure_pb2.ERASURE_STATE_UNSPECIFIED),
    )
    return desk.page("erasures.html", found=desk.ask(ErasureServiceStub).ListErasures(asked))


def show(erasure_id: object) -> desk.View:
    """Show how far an erasure is, and what it found."""
    asked = erasure_service_pb2.GetErasureRequest(id=str(erasure_id))
    return desk.page("erasure.html", erasure=desk.ask(ErasureServiceStub).GetErasure(asked))


def repeat(erasure_id: object) -> desk.View:
    """Have one that is done be run once more, and show it."""
    asked = erasure_service_pb2.RepeatErasureRequest(id=str(erasure_id))
    desk.ask(ErasureServiceStub).RepeatErasure(asked)
    flash(desk.t("erasures.repeated"))
    return desk.to(url_for("web.erasure", erasure_id=erasure_id))


def _form(contact_id: str, form: Form) -> desk.View:
    body = desk.page(
        "erase.html",
        contact=contacts.get(contact_id),
        form=form,
        reasons=names.choices(erasure_pb2.ErasureReason),
    )
    return body, form.status
