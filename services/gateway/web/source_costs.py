"""What sources cost: the list by source and days, and the form of one."""

import re

from crm.leads.v1 import source_cost_pb2, source_cost_service_pb2
from crm.leads.v1.source_cost_service_pb2_grpc import SourceCostServiceStub
from flask import Blueprint, flash, request, url_for
from google.protobuf.field_mask_pb2 import FieldMask

from services.gateway.web import desk, formats, lookups, proposal_lines, report_filters
from services.gateway.web.forms import Form
from services.gateway.web.report_filters import Days

KNOWN = ("source_id", "start_date", "end_date", "amount", "currency", "note")
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]+)?")


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/reports/costs/<uuid:cost_id>"
    pages.get("/reports/costs", endpoint="source_costs")(listing)
    pages.get("/reports/costs/new", endpoint="new_source_cost")(new)
    pages.post("/reports/costs/new", endpoint="create_source_cost")(create)
    pages.get(one, endpoint="source_cost")(edit)
    pages.post(one, endpoint="update_source_cost")(update)
    pages.post(f"{one}/delete", endpoint="delete_source_cost")(delete)


def listing() -> desk.View:
    """List costs of a source and of days, latest days first."""
    days, form = _days(), Form()
    asked = source_cost_service_pb2.ListSourceCostsRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        source_id=request.args.get("source", ""),
        start_date=days.first,
        end_date=days.after,
    )
    found = form.attempt(
        lambda: desk.ask(SourceCostServiceStub).ListSourceCosts(asked), known=list(KNOWN)
    )
    body = desk.page(
        "source_costs.html",
        found=found,
        form=form,
        days=days,
        sources=lookups.sources(),
        last_day=lambda it: report_filters.day_before(it.end_date),
    )
    return body, form.status


def new() -> desk.View:
    """Show the empty form, with the source and days that were looked at."""
    days = _days()
    given = {"source_id": request.args.get("source", ""), "currency": proposal_lines.CURRENCIES[0]}
    return _form(Form.filled({**given, "start_date": days.first, "end_date": days.last}))


def create() -> desk.View:
    """Store a cost, or show what is refused."""
    form = Form.sent()
    asked = source_cost_service_pb2.CreateSourceCostRequest(
        source_cost=_cost(form), request_id=form.request_id
    )
    if not form.bad:
        call = desk.ask(SourceCostServiceStub).CreateSourceCost
        form.attempt(lambda: call(asked), prefix="source_cost.", known=list(KNOWN))
    return _form(form) if form.bad else _said("costs.added")


def edit(cost_id: object) -> desk.View:
    """Show a cost to be changed."""
    stored = _get(cost_id)
    shown = {name: str(getattr(stored, name)) for name in KNOWN}
    shown["end_date"] = report_filters.day_before(stored.end_date)
    money = formats.money(desk.language(), stored.amount, stored.currency)
    shown["amount"] = money.rpartition(" ")[0]
    return _form(Form.filled({**shown, "etag": stored.etag}), stored)


def update(cost_id: object) -> desk.View:
    """Store what was changed, or show what is refused."""
    form = Form.sent()
    cost = _cost(form)
    cost.id, cost.etag = str(cost_id), form.get("etag")
    asked = source_cost_service_pb2.UpdateSourceCostRequest(
        source_cost=cost, update_mask=FieldMask(paths=KNOWN)
    )
    if not form.bad:
        call = desk.ask(SourceCostServiceStub).UpdateSourceCost
        form.attempt(lambda: call(asked), prefix="source_cost.", known=list(KNOWN))
    return _form(form, cost) if form.bad else _said("costs.changed")


def delete(cost_id: object) -> desk.View:
    """Remove a cost."""
    asked = source_cost_service_pb2.DeleteSourceCostRequest(id=str(cost_id))
    desk.ask(SourceCostServiceStub).DeleteSourceCost(asked)
    return _said("costs.removed")


def _days() -> Days:
    return Days("custom", request.args.get("from", ""), request.args.get("to", ""))


def _get(cost_id: object) -> source_cost_pb2.SourceCost:
    asked = source_cost_service_pb2.GetSourceCostRequest(id=str(cost_id))
    return desk.ask(SourceCostServiceStub).GetSourceCost(asked)


def _cost(form: Form) -> source_cost_pb2.SourceCost:
    """Return what a form says; an amount that is none is noted."""
    typed = Days("custom", form.get("start_date"), form.get("end_date"))
    return source_cost_pb2.SourceCost(
        source_id=form.get("source_id"),
        start_date=typed.first,
        end_date=typed.after,
        amount=_minor(form),
        currency=form.get("currency"),
        note=form.get("note"),
    )


def _minor(form: Form) -> int:
    """Return the amount in minor units of its currency; notes one that is none."""
    digits = 0 if form.get("currency") in formats.WITHOUT_MINOR_UNITS else 2
    number = proposal_lines.plain(form.get("amount"), desk.language())
    whole, _, part = number.partition(".")
    if number and (not _NUMBER.fullmatch(number) or len(part) > digits):
        form.refuse("amount", desk.t("proposals.no_amount"))
        return 0
    return int(whole + part.ljust(digits, "0")) if number else 0


def _form(form: Form, stored: source_cost_pb2.SourceCost | None = None) -> desk.View:
    held = form.values.get("currency", "")
    currencies = dict.fromkeys((*proposal_lines.CURRENCIES, *([held] if held else [])))
    body = desk.page(
        "source_cost_form.html",
        form=form,
        stored=stored,
        stale=form.reason == "ETAG_STALE",
        sources=lookups.sources(),
        currencies=[(it, it) for it in currencies],
    )
    return body, form.status


def _said(text: str) -> desk.View:
    flash(desk.t(text))
    return desk.to(url_for("web.source_costs"))
