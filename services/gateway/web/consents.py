"""The consent ledger of one contact: what was given and withdrawn, and recording either."""

from crm.leads.v1 import consent_pb2, consent_service_pb2, contact_pb2
from crm.leads.v1.consent_service_pb2_grpc import ConsentServiceStub
from flask import Blueprint, flash, url_for

from services.gateway.web import contacts, desk, formats, lookups, names
from services.gateway.web.forms import Form

BASE = "/contacts/<uuid:contact_id>/consents"
GIVEN = ["advertiser_id", "purpose", "channel", "time", "method", "evidence"]


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get(BASE, endpoint="consents")(listing)
    pages.post(f"{BASE}/give", endpoint="give_consent")(give)
    pages.post(f"{BASE}/withdraw", endpoint="withdraw_consent")(withdraw)


def listing(contact_id: object) -> desk.View:
    """Show the ledger, newest first."""
    return _page(str(contact_id))


def give(contact_id: object) -> desk.View:
    """Record that the person agreed."""
    form = Form.sent()
    entry = consent_pb2.ConsentEntry(
        contact_id=str(contact_id),
        advertiser_id=form.get("advertiser_id"),
        purpose=_purpose(form),
        channel=_channel(form),
        method=form.get("method"),
        evidence=form.get("evidence"),
    )
    try:
        at = formats.from_field(form.get("time"), desk.time_zone())
    except ValueError:
        at = None
    if at is not None:
        entry.time.FromDatetime(at)
    asked = consent_service_pb2.GiveConsentRequest(entry=entry, request_id=form.request_id)
    form.attempt(
        lambda: desk.ask(ConsentServiceStub).GiveConsent(asked), prefix="entry.", known=GIVEN
    )
    return _done(str(contact_id), form, "consents.given", give_form=form)


def withdraw(contact_id: object) -> desk.View:
    """Record that the person withdrew; it holds from the next claim on."""
    form = Form.sent()
    asked = consent_service_pb2.WithdrawConsentRequest(
        contact_id=str(contact_id),
        advertiser_id=form.get("advertiser_id"),
        purpose=_purpose(form),
        channel=_channel(form),
        method=form.get("method"),
        evidence=form.get("evidence"),
        request_id=form.request_id,
    )
    form.attempt(lambda: desk.ask(ConsentServiceStub).WithdrawConsent(asked), known=GIVEN)
    return _done(str(contact_id), form, "consents.withdrawn", withdraw_form=form)


def _purpose(form: Form) -> contact_pb2.Purpose.ValueType:
    number = names.value(contact_pb2.Purpose, form.get("purpose"))
    return contact_pb2.Purpose.ValueType(number)


def _channel(form: Form) -> contact_pb2.Channel.ValueType:
    number = names.value(contact_pb2.Channel, form.get("channel"))
    return contact_pb2.Channel.ValueType(number)


def _done(contact_id: str, sent: Form, said: str, **form: Form) -> desk.View:
    if sent.bad:
        return _page(contact_id, status=sent.status, **form)
    flash(desk.t(said))
    return desk.to(url_for("web.consents", contact_id=contact_id))


def _page(contact_id: str, *, status: int = 200, **forms: Form) -> desk.View:
    asked = consent_service_pb2.ListConsentEntriesRequest(
        contact_id=contact_id, page_size=desk.PAGE_SIZE, page_token=desk.page_token()
    )
    body = desk.page(
        "consents.html",
        contact=contacts.get(contact_id),
        found=desk.ask(ConsentServiceStub).ListConsentEntries(asked),
        advertisers={it.id: it for it in lookups.advertisers()},
        **forms,
    )
    return body, status
