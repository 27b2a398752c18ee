"""Follow-ups: the list, one of them, and ending it."""

from datetime import UTC, datetime
from typing import Any

from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2
from crm.interactions.v1.follow_up_service_pb2_grpc import FollowUpServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import (
    contact_reminders,
    desk,
    follow_up_progress,
    follow_up_reminders,
    lookups,
    names,
    series,
)
from services.gateway.web.forms import Form

NAMED = 10
"""How many of its contacts the page of a follow-up names."""
FILTERS = ("whose", "status", "type")
TO_DO = (follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED, follow_up_pb2.FOLLOW_UP_STATUS_OPEN)


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/follow-ups", endpoint="follow_ups")(listing)
    pages.get("/follow-ups/<uuid:follow_up_id>", endpoint="follow_up")(detail)
    pages.post("/follow-ups/<uuid:follow_up_id>/complete", endpoint="complete_follow_up")(complete)
    pages.post("/follow-ups/<uuid:follow_up_id>/cancel", endpoint="cancel_follow_up")(cancel)


def listing() -> desk.View:
    """List what the filters leave; without any, one's own that are to be done."""
    found = desk.ask(FollowUpServiceStub).ListFollowUps(_wanted())
    filters = {name: request.args.get(name, "") for name in (*FILTERS, "batch")}
    template = "follow_ups_rows.html" if desk.partial() else "follow_ups.html"
    return desk.page(template, filters=filters, users=lookups.users(), **rows(found))


def rows(found: follow_up_service_pb2.ListFollowUpsResponse) -> dict[str, Any]:
    """Return what the rows of a list are made of."""
    people = [it.contact_ids[0] for it in found.follow_ups if it.contact_ids]
    return {"found": found, "contacts": lookups.contacts(people), "now": datetime.now(UTC)}


def _wanted() -> follow_up_service_pb2.ListFollowUpsRequest:
    asked = request.args
    whose = asked.get("whose", "")
    type_ = names.value(follow_up_pb2.FollowUpType, asked.get("type", ""))
    statuses = statuses_of(asked.get("status", ""))
    return follow_up_service_pb2.ListFollowUpsRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        assignee_id={"": desk.me().user.id, "all": ""}.get(whose, whose),
        statuses=statuses,
        types=[follow_up_pb2.FollowUpType.ValueType(type_)] if type_ else [],
        batch_id=asked.get("batch", ""),
        newest_first=bool(statuses) and not set(statuses) & set(TO_DO),
    )


def statuses_of(name: str) -> list[follow_up_pb2.FollowUpStatus.ValueType]:
    """Return the statuses that a filter means: what is to be done, one of them, or all."""
    if name == "":
        return list(TO_DO)
    number = names.value(follow_up_pb2.FollowUpStatus, name)
    return [follow_up_pb2.FollowUpStatus.ValueType(number)] if number else []


def overdue(follow_up: follow_up_pb2.FollowUp, now: datetime) -> bool:
    """Whether its time has passed and it is not done."""
    ended = follow_up.end_time if follow_up.HasField("end_time") else follow_up.start_time
    return follow_up.status in TO_DO and ended.ToDatetime(tzinfo=UTC) < now


def get(follow_up_id: str) -> follow_up_pb2.FollowUp:
    """Return one follow-up; raises `NotFound`."""
    asked = follow_up_service_pb2.GetFollowUpRequest(id=follow_up_id)
    return desk.ask(FollowUpServiceStub).GetFollowUp(asked)


def detail(follow_up_id: object) -> desk.View:
    """Show one follow-up."""
    return _page(str(follow_up_id))


def complete(follow_up_id: object) -> desk.View:
    """Say what came of it."""
    form = Form.sent()
    asked = follow_up_service_pb2.CompleteFollowUpRequest(
        id=str(follow_up_id), outcome=form.get("outcome"), etag=form.get("etag")
    )
    form.attempt(lambda: desk.ask(FollowUpServiceStub).CompleteFollowUp(asked), known=["outcome"])
    return _done(str(follow_up_id), form, "follow_up.completed_said", complete_form=form)


def cancel(follow_up_id: object) -> desk.View:
    """Say that it will not be done."""
    form = Form.sent()
    asked = follow_up_service_pb2.CancelFollowUpRequest(
        id=str(follow_up_id), reason=form.get("reason"), etag=form.get("etag")
    )
    form.attempt(lambda: desk.ask(FollowUpServiceStub).CancelFollowUp(asked), known=["reason"])
    return _done(str(follow_up_id), form, "follow_up.cancelled_said", cancel_form=form)


def _done(follow_up_id: str, sent: Form, said: str, **form: Form) -> desk.View:
    if sent.bad:
        return _page(follow_up_id, status=sent.status, **form)
    flash(desk.t(said))
    return desk.to(url_for("web.follow_up", follow_up_id=follow_up_id))


def _page(follow_up_id: str, *, status: int = 200, **forms: Form) -> desk.View:
    follow_up = get(follow_up_id)
    body = desk.page(
        "follow_up.html",
        follow_up=follow_up,
        contacts=lookups.contacts(follow_up.contact_ids[:NAMED]),
        named=NAMED,
        overdue=overdue(follow_up, datetime.now(UTC)),
        to_do=follow_up.status in TO_DO,
        series=series.of(follow_up.series_id),
        reminded=follow_up_reminders.given(follow_up),
        to_contact=contact_reminders.shown(follow_up),
        before_text=follow_up_reminders.before_text,
        reason_text=follow_up_progress.reason_text,
        **follow_up_progress.facts(follow_up),
        **forms,
    )
    return body, status
