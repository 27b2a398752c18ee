"""One's day: what is overdue, for today or without a next step, and planning a call in a moment."""

from datetime import UTC, datetime, time, timedelta
from typing import Literal

from crm.interactions.v1 import (
    agenda_service_pb2,
    follow_up_pb2,
    follow_up_service_pb2,
    interaction_pb2,
    interaction_service_pb2,
)
from crm.interactions.v1.agenda_service_pb2_grpc import AgendaServiceStub
from crm.interactions.v1.follow_up_service_pb2_grpc import FollowUpServiceStub
from crm.interactions.v1.interaction_service_pb2_grpc import InteractionServiceStub
from flask import Blueprint, Response, flash, request, url_for

from services.gateway.web import desk, follow_ups, formats, lookups, names
from services.gateway.web.forms import Form

CALL = follow_up_pb2.FOLLOW_UP_TYPE_CALL
QUEUES: tuple[Literal["overdue", "today", "no_next_step"], ...] = (
    "overdue",
    "today",
    "no_next_step",
)
STEP_INPUTS = ["title", "start_time", "contact_ids"]
LOG_INPUTS = ["kind", "direction", "result", "contact_id", "text"]
_NINE = time(9)


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/day/follow-ups/<uuid:follow_up_id>"
    pages.post(f"{one}/complete", endpoint="complete_row")(complete_row)
    pages.get("/calls/new", endpoint="quick_call")(quick_call)
    pages.post("/calls/new", endpoint="create_quick_call")(create_quick_call)
    pages.get("/interactions/new", endpoint="new_interaction")(new_interaction)
    pages.post("/interactions/new", endpoint="create_interaction")(create_interaction)


def queues(size: int) -> dict[str, agenda_service_pb2.ListQueueResponse]:
    """Return the beginnings of one's own queues, without those that one has no right to."""
    asked = agenda_service_pb2.GetDayRequest(
        user_id=desk.me().user.id, time_zone=desk.time_zone(), page_size=size
    )
    found = desk.ask(AgendaServiceStub).GetDay(asked)
    return {name: getattr(found, name) for name in QUEUES if found.HasField(name)}


def start_of(when: str, now: datetime, time_zone: str) -> datetime | None:
    """Return nine o'clock of the day that a choice means in a zone; None for none of them."""
    today = now.astimezone(formats.zone(time_zone)).date()
    days = {
        "tomorrow": 1,
        "in_2_days": 2,
        "next_monday": 7 - today.weekday(),
        "in_a_week": 7,
    }.get(when)
    if days is None:
        return None
    return datetime.combine(today + timedelta(days=days), _NINE, formats.zone(time_zone))


def complete_row(follow_up_id: object) -> desk.View:
    """Say what came of it and plan what is next, and show the row as it is then."""
    form = Form.sent(prefix=f"{follow_up_id}-")
    asked = follow_up_service_pb2.CompleteFollowUpRequest(
        id=str(follow_up_id),
        outcome=form.get("outcome"),
        etag=form.get("etag"),
        request_id=form.request_id,
    )
    if form.get("title") or form.get("when"):
        asked.next.CopyFrom(_step(form))
    if not form.bad:
        known = ["outcome", "title", "start_time"]
        call = desk.ask(FollowUpServiceStub).CompleteFollowUp
        form.attempt(lambda: call(asked), prefix="next.", known=known)
    if not desk.partial() and not form.bad:
        flash(desk.t("follow_up.completed_said"))
        return desk.to(url_for("web.home"))
    stored = follow_ups.get(str(follow_up_id))
    found = lookups.contacts(stored.contact_ids)
    template = "day_item.html" if desk.partial() else "day_page.html"
    return desk.page(template, it=stored, contacts=found, form=form, late=False), form.status


def quick_call() -> desk.View:
    """Show the form for a call tomorrow at nine."""
    contact = request.args.get("contact", "")
    return _quick_call(Form.filled({"when": "tomorrow", "contact_ids": contact}))


def create_quick_call() -> desk.View:
    """Plan a call."""
    form = Form.sent(prefix="call-")
    wanted = _step(form)
    wanted.contact_ids.extend(form.all("contact_ids"))
    if not form.bad:
        asked = follow_up_service_pb2.CreateFollowUpRequest(
            follow_up=wanted, request_id=form.request_id
        )
        call = desk.ask(FollowUpServiceStub).CreateFollowUp
        form.attempt(lambda: call(asked), prefix="follow_up.", known=STEP_INPUTS)
    return _quick_call(form) if form.bad else _said("follow_up.created")


def new_interaction() -> desk.View:
    """Show the form for a call that took place just now."""
    contact = request.args.get("contact", "")
    return _log(Form.filled({"kind": "call", "contact_id": contact}))


def create_interaction() -> desk.View:
    """Log what took place, and plan what is next."""
    form = Form.sent(prefix="log-")
    kind = names.value(interaction_pb2.InteractionKind, form.get("kind"))
    direction = names.value(interaction_pb2.InteractionDirection, form.get("direction"))
    result = names.value(interaction_pb2.InteractionResult, form.get("result"))
    logged = interaction_pb2.Interaction(
        contact_id=form.get("contact_ids") or form.get("contact_id"),
        kind=interaction_pb2.InteractionKind.ValueType(kind),
        direction=interaction_pb2.InteractionDirection.ValueType(direction),
        result=interaction_pb2.InteractionResult.ValueType(result),
        text=form.get("text"),
    )
    minutes = form.get("minutes")
    if minutes.isdecimal() and len(minutes) < 5:
        logged.duration.FromSeconds(60 * int(minutes))
    elif minutes:
        form.refuse("minutes", desk.t("log.minutes_wrong"))
    asked = interaction_service_pb2.CreateInteractionRequest(
        interaction=logged, request_id=form.request_id
    )
    if form.get("title") or form.get("when"):
        asked.next.CopyFrom(_step(form))
    if not form.bad:
        call = desk.ask(InteractionServiceStub).CreateInteraction
        form.attempt(lambda: call(asked), prefix="interaction.", known=LOG_INPUTS)
    return _log(form) if form.bad else _said("log.said")


def _step(form: Form) -> follow_up_pb2.FollowUp:
    """Return the call that a form plans; without a title it is called what it is."""
    made = follow_up_pb2.FollowUp(
        title=form.get("title") or desk.t("day.call"), type=CALL, time_zone=desk.time_zone()
    )
    start = start_of(form.get("when"), datetime.now(UTC), desk.time_zone())
    if form.get("start_time"):
        try:
            start = formats.from_field(form.get("start_time"), desk.time_zone())
        except ValueError:
            form.refuse("start_time", desk.t("form.time_unreadable"))
    if start is not None:
        made.start_time.FromDatetime(start)
    elif not form.wrong:
        form.refuse("when", desk.t("day.when_needed"))
    return made


def _quick_call(form: Form) -> desk.View:
    form.prefix = "call-"
    chosen = form.get("contact_ids")
    template = "quick_call_form.html" if desk.partial() else "quick_call.html"
    contact = lookups.contacts([chosen]).get(chosen) if chosen else None
    return desk.page(template, form=form, contact=contact), form.status


def _log(form: Form) -> desk.View:
    form.prefix = "log-"
    chosen = form.get("contact_ids") or form.get("contact_id")
    template = "log_form.html" if desk.partial() else "log.html"
    contact = lookups.contacts([chosen]).get(chosen) if chosen else None
    return desk.page(template, form=form, contact=contact), form.status


def _said(text: str) -> desk.View:
    """Say that it was stored on the page that one is on."""
    flash(desk.t(text))
    if desk.partial():
        return Response(status=204, headers={"HX-Refresh": "true"})
    return desk.to(url_for("web.home"))
