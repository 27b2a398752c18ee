"""The customer's calls and meetings, and asking for another time."""

from crm.interactions.v1 import portal_pb2
from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.interactions.v1.portal_service_pb2_grpc import PortalServiceStub
from flask import Blueprint, flash, request

from services.gateway.portal import desk
from services.gateway.web.forms import Form

ONE = "/appointments/<uuid:appointment_id>"


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/appointments", endpoint="appointments")(listing)
    pages.get(ONE, endpoint="appointment")(show)
    pages.post(ONE, endpoint="ask_another_time")(ask)


def listing() -> desk.View:
    """List those to come, or those that were."""
    past = request.args.get("past") == "1"
    asked = pb2.ListMyAppointmentsRequest(
        past=past, page_size=desk.PAGE_SIZE, page_token=desk.page_token()
    )
    found = desk.ask(PortalServiceStub).ListMyAppointments(asked)
    return desk.page("appointments.html", found=found, past=past)


def show(appointment_id: object) -> desk.View:
    """Show one, with a form to ask for another time while it is to come."""
    return _page(appointment_id, Form())


def ask(appointment_id: object) -> desk.View:
    """Ask for another time; the answer comes as a reply to the request that this makes."""
    form = Form.sent()
    asked = pb2.AskForAnotherTimeRequest(
        id=str(appointment_id), text=form.get("text"), request_id=form.request_id
    )
    stub = desk.ask(PortalServiceStub)
    made = form.attempt(lambda: stub.AskForAnotherTime(asked), known=["text"])
    if made is None:
        return _page(appointment_id, form), form.status
    flash(desk.t("appointments.asked"))
    return desk.to("request", request_id=made.id)


def _page(appointment_id: object, form: Form) -> str:
    asked = pb2.GetMyAppointmentRequest(id=str(appointment_id))
    found = desk.ask(PortalServiceStub).GetMyAppointment(asked)
    planned = found.state == portal_pb2.MY_APPOINTMENT_STATE_PLANNED
    return desk.page("appointment.html", found=found, form=form, planned=planned)
