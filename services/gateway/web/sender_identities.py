"""The page of a sender: until when it is registered, the name shown and where answers go."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from crm.notifier.v1 import message_pb2, suppression_pb2, suppression_service_pb2
from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceStub
from flask import Blueprint, flash, url_for

from services.gateway.web import desk, formats, lookups
from services.gateway.web.forms import Form

_OF_MAIL = ("display_name", "reply_to")
_END = "expire_time"


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/senders/identities/<uuid:identity_id>"
    pages.get(one, endpoint="sender_identity")(edit)
    pages.post(one, endpoint="update_sender_identity")(update)


def edit(identity_id: object) -> desk.View:
    """Show a sender to be changed."""
    stored = _get(identity_id)
    held = {name: getattr(stored, name) for name in _OF_MAIL}
    shown = {**held, _END: _last_day(stored), "etag": stored.etag}
    return _page(Form.filled(shown), stored)


def update(identity_id: object) -> desk.View:
    """Store what was changed, or show what is refused."""
    form, stored = Form.sent(), _get(identity_id)
    asked = _change(form, stored)
    if not form.bad:
        form.attempt(
            lambda: desk.ask(SenderServiceStub).UpdateSenderIdentity(asked),
            prefix="sender_identity.",
            known=[*_written(stored), _END],
        )
    if form.bad:
        return _page(form, stored)
    flash(desk.t("senders.identity_changed"))
    return desk.to(url_for("web.senders"))


def until(identity: suppression_pb2.SenderIdentity) -> str:
    """Say until when a sender is registered, or since when no more; empty for one without end."""
    ends = formats.local(identity.expire_time, desk.time_zone())
    if ends is None:
        return ""
    when = formats.moment(desk.language(), ends, desk.time_zone())
    if ends.time() == time():
        when = formats.day(desk.language(), ends.date() - timedelta(days=1))
    return desk.t("senders.ended" if ends <= datetime.now(UTC) else "senders.until", when=when)


def _change(
    form: Form, stored: suppression_pb2.SenderIdentity
) -> suppression_service_pb2.UpdateSenderIdentityRequest:
    """Return what a form asks for; a day that is none is noted.

    An end that was not touched is left as it is, to the second.
    """
    given = suppression_pb2.SenderIdentity(id=stored.id, etag=form.get("etag"))
    asked = suppression_service_pb2.UpdateSenderIdentityRequest(sender_identity=given)
    for name in _written(stored):
        setattr(asked.sender_identity, name, form.get(name))
        asked.update_mask.paths.append(name)
    if form.get(_END) != _last_day(stored):
        asked.update_mask.paths.append(_END)
        ends = _end_of(form)
        if ends is not None:
            asked.sender_identity.expire_time.FromDatetime(ends)
    return asked


def _written(stored: suppression_pb2.SenderIdentity) -> Sequence[str]:
    """The inputs that a sender has besides its end: an SMS shows its brand name alone."""
    return _OF_MAIL if stored.channel == message_pb2.CHANNEL_EMAIL else ()


def _last_day(stored: suppression_pb2.SenderIdentity) -> str:
    """Return the last whole day it is registered on, as an input of type date holds it."""
    ends = formats.local(stored.expire_time, desk.time_zone())
    return (ends.date() - timedelta(days=1)).isoformat() if ends else ""


def _end_of(form: Form) -> datetime | None:
    """Return the end of the day that was typed, None for no day."""
    typed = form.get(_END)
    if not typed:
        return None
    try:
        after = date.fromisoformat(typed) + timedelta(days=1)
        return datetime.combine(after, time(), formats.zone(desk.time_zone())).astimezone(UTC)
    except (ValueError, OverflowError):
        form.refuse(_END, desk.t("audit.no_day"))
        return None


def _get(identity_id: object) -> suppression_pb2.SenderIdentity:
    asked = suppression_service_pb2.GetSenderIdentityRequest(id=str(identity_id))
    return desk.ask(SenderServiceStub).GetSenderIdentity(asked)


def _page(form: Form, stored: suppression_pb2.SenderIdentity) -> desk.View:
    named = {it.id: it.name for it in lookups.advertisers()}
    body = desk.page(
        "sender_identity.html",
        form=form,
        stored=stored,
        stale=form.reason == "ETAG_STALE",
        written=_written(stored),
        until=until(stored),
        advertiser=named.get(stored.advertiser_id, stored.advertiser_id[:8]),
    )
    return body, form.status
