"""Taking along what is kept of the customer, and asking that it be erased."""

from collections.abc import Iterator
from typing import Any

from crm.accounts.v1 import portal_service_pb2 as accounts
from crm.accounts.v1.portal_service_pb2_grpc import PortalServiceStub as LoginStub
from crm.interactions.v1 import portal_service_pb2 as interactions
from crm.interactions.v1.portal_service_pb2_grpc import PortalServiceStub as InteractionsStub
from crm.leads.v1 import portal_service_pb2 as leads
from crm.leads.v1.portal_service_pb2_grpc import PortalServiceStub as LeadsStub
from flask import Blueprint, Response, flash

from chassis.rpc import lines
from services.gateway import files
from services.gateway.portal import desk
from services.gateway.web.forms import Form

FILE_NAME = "my-data.json"


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/my-data", endpoint="my_data")(show)
    pages.post("/my-data", endpoint="take_my_data")(take)
    pages.get("/erase", endpoint="erase")(show_erase)
    pages.post("/erase", endpoint="ask_erasure")(ask)


def show() -> desk.View:
    """Say what is in the file, with a button that makes it."""
    return desk.page("my_data.html")


def take() -> Response:
    """Send all of it as it is read: one list in JSON, which is whole only if it ends so.

    A POST, since it leaves entries in the audit log. Each customer has one at a time.
    """
    every, whose = _json(_answers()), desk.customer().login_id
    sending = desk.gateway().files_of_customers
    return sending.stream(every, "application/json", FILE_NAME, whose=whose)


def show_erase() -> desk.View:
    """Say what erasing means, with a form to ask for it."""
    return desk.page("erase.html", form=Form())


def ask() -> desk.View:
    """Leave a request for staff once the customer said to be sure."""
    form = Form.sent()
    made = None
    if form.get("sure") != "yes":
        form.refuse("sure", desk.t("erase.be_sure"))
    else:
        asked = interactions.AskForErasureRequest(text=form.get("text"))
        stub = desk.ask(InteractionsStub)
        made = form.attempt(lambda: stub.AskForErasure(asked), known=["text"])
    if made is None:
        return desk.page("erase.html", form=form), form.status
    flash(desk.t("erase.asked"))
    return desk.to("request", request_id=made.id)


def _answers() -> Iterator[bytes]:
    """Yield the lines of each service, one after the other.

    All are asked when the first line is, within the request: a stream outlives it.
    """
    login = desk.ask(LoginStub).ExportMyLogin(accounts.ExportMyLoginRequest())
    parts: list[Any] = [
        desk.ask(LeadsStub).ExportMyData(leads.ExportMyDataRequest(), timeout=files.SECONDS),
        desk.ask(InteractionsStub).ExportMyData(
            interactions.ExportMyDataRequest(), timeout=files.SECONDS
        ),
    ]
    yield from _login(login)
    for part in parts:
        for answer in part:
            yield answer.lines


def _login(found: accounts.ExportMyLoginResponse) -> Iterator[bytes]:
    if found.HasField("login"):
        yield lines.line("login", found.login)
    for it in found.sessions:
        yield lines.line("session", it)


def _json(answers: Iterator[bytes]) -> Iterator[bytes]:
    between = b"["
    for some in answers:
        for line in some.splitlines():
            yield between + b"\n" + line
            between = b","
    yield b"\n]\n" if between == b"," else b"[]\n"
