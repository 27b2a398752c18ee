"""The forms for a new contact, a quick one, and a changed one."""

from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from flask import Blueprint, flash, url_for

from services.gateway.web import contact_fields, contacts, desk, logins, lookups
from services.gateway.web.forms import Form


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/contacts/new", endpoint="new_contact")(new)
    pages.post("/contacts/new", endpoint="create_contact")(create)
    pages.get("/contacts/quick", endpoint="quick_contact")(quick)
    pages.post("/contacts/quick", endpoint="create_quick_contact")(create_quick)
    pages.get("/contacts/<uuid:contact_id>/edit", endpoint="edit_contact")(edit)
    pages.post("/contacts/<uuid:contact_id>/edit", endpoint="update_contact")(update)


def new() -> desk.View:
    """Show the empty form; whoever fills it in is the owner unless they say otherwise."""
    return _form(Form.filled({"owner_ids": desk.me().user.id}))


def create() -> desk.View:
    """Store a new contact, or show every field that is refused with all that was typed."""
    form = contact_fields.compacted(Form.sent())
    created = _create(form)
    if created is None:
        return _form(form)
    said = "logins.on_its_way" if form.get(logins.CHANNEL) else "contact.created_said"
    return _stored(created, said)


def quick() -> desk.View:
    """Show the few fields that are enough while a caller waits."""
    return _quick(Form(prefix="q-"))


def create_quick() -> desk.View:
    """Store a contact from the few fields."""
    form = contact_fields.compacted(Form.sent(prefix="q-"))
    form.values["owner_ids"] = desk.me().user.id
    created = _create(form)
    if created is None:
        return _quick(form)
    return _stored(created, "contact.created_said")


def edit(contact_id: object) -> desk.View:
    """Show a contact's fields."""
    contact = contacts.get(str(contact_id))
    return _form(contact_fields.form_of(contact), contact)


def update(contact_id: object) -> desk.View:
    """Store what was changed; a contact changed by somebody else meanwhile is shown beside it."""
    form = contact_fields.compacted(Form.sent())
    stored = contacts.get(str(contact_id))
    changed = contact_fields.read(form, stored)
    changed.id, changed.etag = stored.id, form.get("etag")
    updated = None
    if not form.bad:
        asked = contact_service_pb2.UpdateContactRequest(
            contact=changed, request_id=form.request_id
        )
        asked.update_mask.paths.extend(contact_fields.mask())
        updated = form.attempt(
            lambda: desk.ask(ContactServiceStub).UpdateContact(asked),
            prefix="contact.",
            known=contact_fields.inputs(form),
        )
    if updated is not None:
        return _stored(updated, "contact.updated")
    if form.reason == "ETAG_STALE":
        return _conflict(form, str(contact_id))
    return _form(form, stored)


def _create(form: Form) -> contact_pb2.Contact | None:
    contact = contact_fields.read(form, None)
    if form.bad:
        return None
    if form.get(logins.CHANNEL):
        return logins.create_with(form, contact)
    asked = contact_service_pb2.CreateContactRequest(contact=contact, request_id=form.request_id)
    return form.attempt(
        lambda: desk.ask(ContactServiceStub).CreateContact(asked),
        prefix="contact.",
        known=contact_fields.inputs(form),
    )


def _stored(contact: contact_pb2.Contact, said: str) -> desk.View:
    flash(desk.t(said))
    return desk.to(url_for("web.contact", contact_id=contact.id))


def _conflict(form: Form, contact_id: str) -> desk.View:
    stored = contacts.get(contact_id)
    theirs = contact_fields.form_of(stored)
    differing = contact_fields.differences(form, theirs)
    form.values["etag"] = stored.etag
    # The changed etag makes it another request: what was remembered for the first is not this.
    form.request_id = desk.fresh_id()
    form.general.clear()
    return _form(form, stored, differing=differing)


def _form(form: Form, contact: contact_pb2.Contact | None = None, **more: object) -> desk.View:
    body = desk.page(
        "contact_form.html",
        form=form,
        contact=contact,
        sources=[it for it in lookups.sources() if not it.retire_time.seconds],
        users=lookups.users(),
        phone_rows=contact_fields.rows(form, "phones"),
        email_rows=contact_fields.rows(form, "emails"),
        # A new contact may be given what one will not see of it.
        veiled=lambda field: contact is not None and desk.hides(f"contacts.{field}"),
        **more,
    )
    return body, form.status


def _quick(form: Form) -> desk.View:
    template = "quick_contact_form.html" if desk.partial() else "quick_contact.html"
    sources = [it for it in lookups.sources() if not it.retire_time.seconds]
    return desk.page(template, form=form, sources=sources), form.status
