"""Messages in doubt: the list, one with its evidence, and what operators do about them."""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from crm.notifier.v1 import (
    doubt_pb2,
    doubt_service_pb2,
    message_pb2,
    suppression_service_pb2,
)
from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceStub
from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceStub
from flask import Blueprint, flash, request, url_for

from chassis import errors
from services.gateway.web import desk, formats, lookups, names
from services.gateway.web.forms import Form

AGES = (1, 6, 24, 72)
"""Hours that a list can be asked for."""
MOST_ROUNDS = 20
"""Calls of 1,000 messages that one press of a button makes at most."""
KNOWN = ["act", "reason", "accept_duplicate", "force"]
ACTS = ("accepted", "failed", "abandoned")


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/doubts", endpoint="doubts")(listing)
    pages.get("/doubts/deeds", endpoint="doubt_deeds")(deeds)
    pages.post("/doubts/act", endpoint="act_on_doubts")(act_on_all)
    pages.get("/doubts/<uuid:message_id>", endpoint="doubt")(detail)
    pages.post("/doubts/<uuid:message_id>/settle", endpoint="settle_doubt")(settle)
    pages.post("/doubts/<uuid:message_id>/resend", endpoint="resend_doubt")(resend)


def listing() -> desk.View:
    """List the doubts, oldest first."""
    return _list(Form())


def _list(form: Form) -> desk.View:
    asked = doubt_service_pb2.ListDoubtsRequest(
        page_size=desk.PAGE_SIZE, page_token=desk.page_token()
    )
    seen = _moment(request.values.get("seen", "")) or datetime.now(UTC)
    wanted = _filter(request.values.get, seen)
    for name in ("provider", "run_id", "channel", "purpose"):
        setattr(asked, name, getattr(wanted, name))
    asked.doubt_until.CopyFrom(wanted.doubt_until)
    if wanted.HasField("doubt_from"):
        asked.doubt_from.CopyFrom(wanted.doubt_from)
    found = desk.ask(DoubtServiceStub).ListDoubts(asked)
    body = desk.page(
        "doubts_rows.html" if desk.partial() else "doubts.html",
        found=found,
        form=form,
        filters={name: request.values.get(name, "") for name in _NAMES},
        bounded=bool(wanted.provider or wanted.run_id or wanted.HasField("doubt_from")),
        seen=seen.isoformat(),
        providers=_providers(),
        ages=AGES,
        acts=ACTS,
        campaigns=lookups.campaigns([it.campaign_id for it in found.doubts]),
    )
    return body, form.status


_NAMES = ("provider", "run", "channel", "age", "since")


def _filter(get: Callable[[str, str], str], seen: datetime) -> doubt_pb2.DoubtFilter:
    """Return what the page's filters say; nothing that came in doubt after it was `seen`."""
    channel = names.value(message_pb2.Channel, get("channel", ""))
    age = get("age", "")
    asked = doubt_pb2.DoubtFilter(
        provider=get("provider", ""),
        run_id=get("run", ""),
        channel=message_pb2.Channel.ValueType(channel),
    )
    hours = int(age) if age.isascii() and age.isdigit() and len(age) < 5 else 0
    asked.doubt_until.FromDatetime(seen - timedelta(hours=hours))
    try:
        since = formats.from_field(get("since", ""), desk.time_zone())
    except ValueError:
        since = None
    if since is not None:
        asked.doubt_from.FromDatetime(since)
    return asked


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None


def _providers() -> Sequence[str]:
    asked = suppression_service_pb2.ListProvidersRequest()
    found = desk.maybe(
        lambda: desk.ask(SenderServiceStub).ListProviders(asked).providers, source="notifier"
    )
    return [it.name for it in found or []]


def detail(message_id: object) -> desk.View:
    """Show one with all that is known of it."""
    return _detail(message_id, settle_form=Form(), resend_form=Form())


def _detail(message_id: object, *, settle_form: Form, resend_form: Form) -> desk.View:
    asked = doubt_service_pb2.GetDoubtRequest(message_id=str(message_id))
    try:
        found = desk.ask(DoubtServiceStub).GetDoubt(asked)
    except errors.NotFound:
        # Settled meanwhile, perhaps by a receipt: the list says so rather than a dead end.
        flash(desk.t("doubts.settled_meanwhile"))
        return desk.to(url_for("web.doubts"))
    people = lookups.contacts([found.message.contact_id])
    body = desk.page(
        "doubt.html",
        found=found,
        person=people.get(found.message.contact_id),
        campaign=lookups.campaigns([found.campaign_id]).get(found.campaign_id),
        settle_form=settle_form,
        resend_form=resend_form,
        acts=ACTS,
    )
    return body, settle_form.status if settle_form.bad else resend_form.status


def settle(message_id: object) -> desk.View:
    """Say what became of a message."""
    form = Form.sent(prefix="s-")
    asked = doubt_service_pb2.SettleDoubtRequest(
        message_id=str(message_id),
        act=_act(form),
        reason=form.get("reason"),
        etag=form.get("etag"),
        request_id=form.request_id,
    )
    form.attempt(lambda: desk.ask(DoubtServiceStub).SettleDoubt(asked), known=KNOWN)
    if form.bad:
        return _detail(message_id, settle_form=form, resend_form=Form())
    flash(desk.t("doubts.settled"))
    return desk.to(url_for("web.doubts"))


def resend(message_id: object) -> desk.View:
    """Send a message once more."""
    form = Form.sent(prefix="r-")
    asked = doubt_service_pb2.ResendDoubtRequest(
        message_id=str(message_id),
        reason=form.get("reason"),
        accept_duplicate=form.get("accept_duplicate") == "yes",
        force=form.get("force") == "yes",
        etag=form.get("etag"),
        request_id=form.request_id,
    )
    form.attempt(lambda: desk.ask(DoubtServiceStub).ResendDoubt(asked), known=KNOWN)
    if form.bad:
        return _detail(message_id, settle_form=Form(), resend_form=form)
    flash(desk.t("doubts.resent"))
    return desk.to(url_for("web.doubts"))


def act_on_all() -> desk.View:
    """Do the same to all that the filter names, as it was when the page was made."""
    form = Form.sent(prefix="b-")
    wanted = _filter(form.values.get, _moment(form.get("seen")) or datetime.now(UTC))
    moved, more = 0, True
    for number in range(MOST_ROUNDS):
        done = form.attempt(lambda n=number: _one_round(form, wanted, n), known=KNOWN)  # type: ignore[misc]
        if done is None:
            return _list(form)
        moved, more = moved + done.count, done.more
        if not more:
            break
    key = "doubts.moved_more" if more else "doubts.moved"
    flash(desk.t(key, n=formats.number(desk.language(), moved)))
    kept = {name: form.get(name) for name in _NAMES if form.get(name)}
    return desk.to(url_for("web.doubts") + (f"?{urlencode(kept)}" if kept else ""))


def _one_round(
    form: Form, wanted: doubt_pb2.DoubtFilter, number: int
) -> doubt_service_pb2.ActOnDoubtsResponse:
    """Move up to 1,000; sent twice, each round has the answer it had the first time."""
    key = str(uuid.uuid5(uuid.UUID(form.request_id), str(number)))
    stub = desk.ask(DoubtServiceStub)
    if form.get("act") != "sent_again":
        return stub.SettleDoubts(
            doubt_service_pb2.SettleDoubtsRequest(
                filter=wanted, act=_act(form), reason=form.get("reason"), request_id=key
            )
        )
    return stub.ResendDoubts(
        doubt_service_pb2.ResendDoubtsRequest(
            filter=wanted,
            reason=form.get("reason"),
            accept_duplicate=form.get("accept_duplicate") == "yes",
            force=form.get("force") == "yes",
            request_id=key,
        )
    )


def _act(form: Form) -> doubt_pb2.DoubtAct.ValueType:
    return doubt_pb2.DoubtAct.ValueType(names.value(doubt_pb2.DoubtAct, form.get("act")))


def deeds() -> desk.View:
    """List what was done, by whom and why."""
    asked = doubt_service_pb2.ListDoubtDeedsRequest(
        page_size=desk.PAGE_SIZE, page_token=desk.page_token()
    )
    found = desk.ask(DoubtServiceStub).ListDoubtDeeds(asked)
    template = "doubt_deeds_rows.html" if desk.partial() else "doubt_deeds.html"
    return desk.page(template, found=found)
