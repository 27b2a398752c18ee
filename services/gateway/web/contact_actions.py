"""What is done from a contact's page: notes, status, life stage, conversion, deletion."""

from collections.abc import Callable
from typing import Any

from crm.interactions.v1 import note_service_pb2
from crm.interactions.v1.note_service_pb2_grpc import NoteServiceStub
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import contacts, desk, names
from services.gateway.web.forms import Form

BASE = "/contacts/<uuid:contact_id>"


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.post(f"{BASE}/notes", endpoint="add_note")(add_note)
    pages.post(f"{BASE}/status", endpoint="change_status")(change_status)
    pages.post(f"{BASE}/stage", endpoint="move_stage")(move_stage)
    pages.post(f"{BASE}/addresses/confirm", endpoint="confirm_address")(confirm_address)
    pages.post(f"{BASE}/convert", endpoint="convert")(convert)
    pages.post(f"{BASE}/delete", endpoint="delete_contact")(delete)


def add_note(contact_id: object) -> desk.View:
    """Write a note; one that is refused stays in its box."""
    form = Form.sent()
    note = contacts.note_of(str(contact_id), form.get("text"), form.all("mentioned_user_ids"))
    asked = note_service_pb2.CreateNoteRequest(note=note, request_id=form.request_id)
    known = ["text", "mentioned_user_ids"]
    form.attempt(lambda: desk.ask(NoteServiceStub).CreateNote(asked), prefix="note.", known=known)
    return _done(str(contact_id), "contact.note_added", note_form=form)


def change_status(contact_id: object) -> desk.View:
    """Move the status forward, or to lost with a reason."""
    form = Form.sent()
    status = names.value(contact_pb2.LeadStatus, form.get("status"))
    lost = status == contact_pb2.LEAD_STATUS_LOST
    asked = contact_service_pb2.ChangeStatusRequest(
        id=str(contact_id),
        status=contact_pb2.LeadStatus.ValueType(status),
        lost_reason=form.get("lost_reason") if lost else "",
        etag=form.get("etag"),
    )
    known = ["status", "lost_reason"]
    form.attempt(lambda: desk.ask(ContactServiceStub).ChangeStatus(asked), known=known)
    return _done(str(contact_id), "contact.status_changed", status_form=form)


def move_stage(contact_id: object) -> desk.View:
    """Move to a life stage, or into none."""
    form = Form.sent()
    asked = contact_service_pb2.MoveToLifeStageRequest(
        id=str(contact_id), life_stage_id=form.get("life_stage_id"), etag=form.get("etag")
    )
    form.attempt(
        lambda: desk.ask(ContactServiceStub).MoveToLifeStage(asked), known=["life_stage_id"]
    )
    return _done(str(contact_id), "contact.stage_changed", stage_form=form)


def convert(contact_id: object) -> desk.View:
    """Make a lead a customer."""
    asked = contact_service_pb2.ConvertContactRequest(
        id=str(contact_id), etag=request.form.get("etag", "")
    )
    return _act(str(contact_id), "contact.converted", lambda stub: stub.ConvertContact(asked))


def confirm_address(contact_id: object) -> desk.View:
    """Take an address that failed for valid again."""
    asked = contact_service_pb2.ConfirmAddressRequest(
        id=str(contact_id),
        address=request.form.get("address", ""),
        etag=request.form.get("etag", ""),
    )
    said = "contact.address_confirmed"
    return _act(str(contact_id), said, lambda stub: stub.ConfirmAddress(asked))


def delete(contact_id: object) -> desk.View:
    """Delete a contact, and return to the list."""
    form = Form.sent()
    asked = contact_service_pb2.DeleteContactRequest(id=str(contact_id), etag=form.get("etag"))
    form.attempt(lambda: desk.ask(ContactServiceStub).DeleteContact(asked))
    if form.bad:
        return contacts.show(str(contact_id), status=form.status, action_form=form)
    flash(desk.t("contact.deleted"))
    return desk.to(url_for("web.contacts"))


def _act(contact_id: str, said: str, call: Callable[[Any], object]) -> desk.View:
    form = Form.sent()
    form.attempt(lambda: call(desk.ask(ContactServiceStub)))
    return _done(contact_id, said, action_form=form)


def _done(contact_id: str, said: str, **form: Form) -> desk.View:
    (sent,) = form.values()
    if sent.bad:
        return contacts.show(contact_id, status=sent.status, **form)
    flash(desk.t(said))
    return desk.to(url_for("web.contact", contact_id=contact_id))
