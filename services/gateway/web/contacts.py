"""Leads and customers: the list with its search, and one contact with its story."""

from collections.abc import Sequence
from typing import Any

from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2, note_pb2, note_service_pb2
from crm.interactions.v1.follow_up_service_pb2_grpc import FollowUpServiceStub
from crm.interactions.v1.note_service_pb2_grpc import TimelineServiceStub
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from flask import Blueprint, request, url_for

from services.gateway.web import desk, login_ways, lookups, names

FILTERS = ("q", "kind", "status", "stage", "source", "owner", "tag", "import", "order")
ORDERS = {
    "": contact_service_pb2.CONTACT_ORDER_UNSPECIFIED,
    "name": contact_service_pb2.CONTACT_ORDER_NAME,
    "updated": contact_service_pb2.CONTACT_ORDER_UPDATED,
}
STORY_SIZE = 30


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/contacts", endpoint="contacts")(listing)
    pages.get("/contacts/<uuid:contact_id>", endpoint="contact")(detail)
    pages.get("/contacts/<uuid:contact_id>/timeline", endpoint="timeline")(timeline)


def listing() -> desk.View:
    """List the contacts that the filters leave; htmx asks for the rows alone."""
    asked = contact_service_pb2.ListContactsRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        order=ORDERS.get(request.args.get("order", ""), ORDERS[""]),
        **wanted(),
    )
    found = desk.ask(ContactServiceStub).ListContacts(asked)
    filters: dict[str, Any] = {name: request.args.get(name, "") for name in FILTERS}
    chosen = {name: value for name, value in filters.items() if value and name != "order"}
    template = "contacts_rows.html" if desk.partial() else "contacts.html"
    return desk.page(
        template,
        found=found,
        filters=filters,
        standings=lookups.standings([it.id for it in found.contacts]),
        filtered=bool(chosen),
        sources=lookups.sources(),
        stages=lookups.stages(),
        users=lookups.users(),
        first=not desk.page_token(),
        file=url_for("web.contacts_csv", **chosen),
    )


def wanted() -> dict[str, Any]:
    """Return what the address leaves of all contacts, as fields of a request."""
    asked = request.args
    status = names.value(contact_pb2.LeadStatus, asked.get("status", ""))
    return {
        "query": asked.get("q", "").strip()[:200],
        "kind": names.value(contact_pb2.ContactKind, asked.get("kind", "")),
        "statuses": [status] if status else [],
        "life_stage_ids": _given(asked.get("stage", "")),
        "source_ids": _given(asked.get("source", "")),
        "owner_ids": _given(asked.get("owner", "")),
        "tags": _given(asked.get("tag", "").strip()),
        "import_id": asked.get("import", ""),
    }


def _given(value: str) -> list[str]:
    return [value] if value else []


def get(contact_id: str) -> contact_pb2.Contact:
    """Return one contact; raises `NotFound`, also for one that the reader may not see."""
    asked = contact_service_pb2.GetContactRequest(id=contact_id)
    return desk.ask(ContactServiceStub).GetContact(asked)


def detail(contact_id: object) -> desk.View:
    """Show one contact; what another service does not answer is named, not missed."""
    return show(str(contact_id))


def show(contact_id: str, *, status: int = 200, **typed: object) -> desk.View:
    """Return the page of a contact; `typed` is what a refused form on it held."""
    contact = get(contact_id)
    login = lookups.login(contact.id)
    body = desk.page(
        "contact.html",
        contact=contact,
        story=_story(contact.id, ""),
        follow_ups=_open_follow_ups(contact.id),
        standing=lookups.standings([contact.id]).get(contact.id),
        stages=lookups.stages(),
        users=lookups.users(),
        next_statuses=next_statuses(contact),
        login=login,
        login_ways=login_ways.ways(login, contact) if login else (),
        **typed,
    )
    return body, status


def timeline(contact_id: object) -> desk.View:
    """Return more of a contact's story."""
    story = _story(str(contact_id), desk.page_token())
    template = "timeline_entries.html" if desk.partial() else "timeline.html"
    return desk.page(template, contact_id=str(contact_id), story=story)


def _story(contact_id: str, token: str) -> note_service_pb2.ListTimelineResponse | None:
    asked = note_service_pb2.ListTimelineRequest(
        contact_id=contact_id, page_size=STORY_SIZE, page_token=token
    )
    return desk.maybe(
        lambda: desk.ask(TimelineServiceStub).ListTimeline(asked), source="interactions"
    )


def _open_follow_ups(contact_id: str) -> Sequence[follow_up_pb2.FollowUp]:
    asked = follow_up_service_pb2.ListFollowUpsRequest(
        contact_id=contact_id,
        page_size=5,
        statuses=[follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED, follow_up_pb2.FOLLOW_UP_STATUS_OPEN],
    )
    found = desk.maybe(
        lambda: desk.ask(FollowUpServiceStub).ListFollowUps(asked).follow_ups,
        source="interactions",
    )
    return found or []


def next_statuses(contact: contact_pb2.Contact) -> list[str]:
    """Return the statuses that a person may move this contact to; leads decides in the end."""
    forward = [contact_pb2.LEAD_STATUS_CONTACTED, contact_pb2.LEAD_STATUS_QUALIFIED]
    ended = (contact_pb2.LEAD_STATUS_CONVERTED, contact_pb2.LEAD_STATUS_LOST)
    if contact.status in ended or contact.kind == contact_pb2.CONTACT_KIND_CUSTOMER:
        return []
    allowed = [it for it in forward if it > contact.status]
    return [
        names.short(contact_pb2.LeadStatus, it) for it in (*allowed, contact_pb2.LEAD_STATUS_LOST)
    ]


def note_of(contact_id: str, text: str, mentioned: Sequence[str]) -> note_pb2.Note:
    """Return a note to be written; its text names everybody whom it mentions."""
    names = [f"@{lookups.user_name(it)}" for it in mentioned]
    if text:
        text = " ".join([text, *(it for it in names if it not in text)])
    return note_pb2.Note(contact_id=contact_id, text=text, mentioned_user_ids=mentioned)
