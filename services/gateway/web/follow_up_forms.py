"""The form for a new follow-up and for a changed one."""

from datetime import UTC, datetime, timedelta

from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2
from crm.interactions.v1.follow_up_service_pb2_grpc import FollowUpServiceStub
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import (
    contact_reminders,
    desk,
    follow_up_batches,
    follow_up_messages,
    follow_up_reminders,
    follow_ups,
    formats,
    lookups,
    names,
)
from services.gateway.web.forms import Form

KNOWN = ["title", "type", "contact_ids", "assignee_ids", "start_time", "end_time"]
MASK = [*KNOWN, "description", "category", "time_zone", "message", "segment_id", "reminders"]
INPUTS = [
    *(*KNOWN, "description", "category", "reminders"),
    *(*contact_reminders.REFUSED, *follow_up_messages.KNOWN),
]
OFFERED = 8


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/follow-ups/new", endpoint="new_follow_up")(new)
    pages.post("/follow-ups/new", endpoint="create_follow_up")(create)
    pages.get("/follow-ups/contacts", endpoint="follow_up_contacts")(offer_contacts)
    pages.get("/follow-ups/<uuid:follow_up_id>/edit", endpoint="edit_follow_up")(edit)
    pages.post("/follow-ups/<uuid:follow_up_id>/edit", endpoint="update_follow_up")(update)


def new() -> desk.View:
    """Show the form for tomorrow at nine, for the contact one comes from."""
    zone = formats.zone(desk.time_zone())
    start = (datetime.now(UTC).astimezone(zone) + timedelta(days=1)).replace(hour=9, minute=0)
    segment = request.args.get("segment", "")
    form = Form.filled(
        {
            "contact_ids": request.args.getlist("contact"),
            "assignee_ids": desk.me().user.id,
            "type": "sms" if segment else "call",
            "sends": "itself" if segment else "hand",
            "to": "segment" if segment else "contacts",
            "segment_id": segment,
            "message.purpose": "care",
            "start_time": f"{start:%Y-%m-%dT%H:%M}",
        }
    )
    return _form(form)


def create() -> desk.View:
    """Plan a follow-up, or show what is refused with all that was typed."""
    form = Form.sent()
    wanted = _read(form)
    created = None
    if not form.bad and follow_up_batches.is_for_many(form):
        batch = follow_up_batches.create(form, wanted, INPUTS)
        if batch is None:
            return _form(form)
        return desk.to(url_for("web.follow_up_batch", batch_id=batch.id))
    if not form.bad:
        asked = follow_up_service_pb2.CreateFollowUpRequest(
            follow_up=wanted, request_id=form.request_id
        )
        created = form.attempt(
            lambda: desk.ask(FollowUpServiceStub).CreateFollowUp(asked),
            prefix="follow_up.",
            known=INPUTS,
        )
    return _form(form) if created is None else _stored(created, "follow_up.created")


def edit(follow_up_id: object) -> desk.View:
    """Show a follow-up's fields."""
    stored = follow_ups.get(str(follow_up_id))
    return _form(_form_of(stored), stored)


def update(follow_up_id: object) -> desk.View:
    """Store what was changed; one that changed meanwhile is to be loaded again first."""
    form = Form.sent()
    wanted = _read(form)
    wanted.id, wanted.etag = str(follow_up_id), form.get("etag")
    updated = None
    if not form.bad:
        asked = follow_up_service_pb2.UpdateFollowUpRequest(
            follow_up=wanted, request_id=form.request_id
        )
        asked.update_mask.paths.extend(MASK)
        updated = form.attempt(
            lambda: desk.ask(FollowUpServiceStub).UpdateFollowUp(asked),
            prefix="follow_up.",
            known=INPUTS,
        )
    if updated is not None:
        return _stored(updated, "follow_up.updated")
    return _form(form, follow_ups.get(str(follow_up_id)))


def offer_contacts() -> desk.View:
    """Offer the contacts that what was typed may mean."""
    query = request.args.get("contact_query", "").strip()[:200]
    found: list[contact_pb2.Contact] = []
    if query:
        asked = contact_service_pb2.ListContactsRequest(query=query, page_size=OFFERED)
        found = list(desk.ask(ContactServiceStub).ListContacts(asked).contacts)
    return desk.page("follow_up_contacts.html", offered=found, query=query)


def _read(form: Form) -> follow_up_pb2.FollowUp:
    type_ = names.value(follow_up_pb2.FollowUpType, form.get("type"))
    wanted = follow_up_pb2.FollowUp(
        title=form.get("title"),
        type=follow_up_pb2.FollowUpType.ValueType(type_),
        assignee_ids=form.all("assignee_ids"),
        description=form.get("description"),
        category=form.get("category"),
        time_zone=desk.time_zone(),
    )
    follow_up_messages.read(form, wanted)
    follow_up_reminders.read(form, wanted)
    for name in ("start_time", "end_time"):
        try:
            at = formats.from_field(form.get(name), desk.time_zone())
        except ValueError:
            form.refuse(name, desk.t("form.time_unreadable"))
            continue
        if at is not None:
            getattr(wanted, name).FromDatetime(at)
    return wanted


def _form_of(stored: follow_up_pb2.FollowUp) -> Form:
    zone = desk.time_zone()
    return Form.filled(
        {
            "title": stored.title,
            "type": names.short(follow_up_pb2.FollowUpType, stored.type),
            "assignee_ids": list(stored.assignee_ids),
            "start_time": formats.field_moment(stored.start_time, zone),
            "end_time": formats.field_moment(stored.end_time, zone),
            "description": stored.description,
            "category": stored.category,
            "etag": stored.etag,
            **follow_up_reminders.values(stored),
            **follow_up_messages.values(stored),
        }
    )


def _stored(follow_up: follow_up_pb2.FollowUp, said: str) -> desk.View:
    flash(desk.t(said))
    return desk.to(url_for("web.follow_up", follow_up_id=follow_up.id))


def _form(form: Form, stored: follow_up_pb2.FollowUp | None = None) -> desk.View:
    contact_reminders.place(form)
    body = desk.page(
        "follow_up_form.html",
        form=form,
        follow_up=stored,
        users=lookups.users(),
        stale=form.reason == "ETAG_STALE",
        **follow_up_reminders.offers(form),
        **follow_up_messages.offers(form),
    )
    return body, form.status
