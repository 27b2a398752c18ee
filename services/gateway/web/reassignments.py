"""Giving what a person leaves behind to others: counted first, then done in one act."""

from typing import Any

from crm.interactions.v1 import reassignment_service_pb2 as pb2
from crm.interactions.v1.reassignment_service_pb2_grpc import ReassignmentServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import desk, formats, lookups
from services.gateway.web.forms import Form

KNOWN = ["user_id", "to_user_id"]


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/follow-ups/reassign", endpoint="ask_reassign")(ask)
    pages.post("/follow-ups/reassign", endpoint="reassign")(reassign)


def ask() -> desk.View:
    """Show what the chosen person has, and ask who takes over."""
    return _page(Form.filled({"user_id": request.args.get("user_id", "")}))


def reassign() -> desk.View:
    """Give it to others; what one call leaves is asked for again."""
    form = Form.sent()
    for name in KNOWN:
        if not form.get(name):
            form.refuse(name, desk.t("reassign.choose"))
    asked = pb2.ReassignFollowUpsRequest(
        user_id=form.get("user_id"),
        to_user_id=form.get("to_user_id"),
        prefer_owners=bool(form.get("prefer_owners")),
        request_id=form.request_id,
    )
    done = None
    if not form.bad:
        stub = desk.ask(ReassignmentServiceStub)
        done = form.attempt(lambda: stub.ReassignFollowUps(asked), known=KNOWN)
    if done is None:
        return _page(form)
    flash(desk.t("reassign.done", **_numbers(done.given)))
    return desk.to(url_for("web.ask_reassign", user_id=asked.user_id))


def _numbers(count: pb2.ReassignmentCount) -> dict[str, str]:
    told = {
        "follow_ups": count.follow_up_count,
        "series": count.series_count,
        "planned": count.occurrence_count,
        "batches": count.batch_count,
        "requests": count.request_count,
    }
    return {name: formats.number(desk.language(), it) for name, it in told.items()}


def _page(form: Form) -> desk.View:
    users = lookups.users()
    leaver = next((it for it in users if it.id == form.get("user_id")), None)
    count, numbers = None, dict[str, Any]()
    if leaver is not None:
        asked = pb2.CountReassignmentRequest(user_id=leaver.id)
        count = desk.ask(ReassignmentServiceStub).CountReassignment(asked)
        numbers = _numbers(count)
    body = desk.page(
        "reassign.html",
        form=form,
        users=users,
        leaver=leaver,
        numbers=numbers,
        anything=count is not None and bool(count.ListFields()),
    )
    return body, form.status
