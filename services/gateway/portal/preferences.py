"""How the customer would rather be reached, and what they agree to get."""

from collections.abc import Sequence

from crm.leads.v1 import contact_pb2, portal_pb2, portal_service_pb2
from crm.leads.v1.portal_service_pb2_grpc import PortalServiceStub
from crm.notifier.v1 import suppression_pb2, suppression_service_pb2
from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceStub
from flask import Blueprint, flash
from google.protobuf.field_mask_pb2 import FieldMask

from services.gateway.portal import desk
from services.gateway.web import names
from services.gateway.web.forms import Form

PURPOSES = ("marketing", "care")
CHANNELS = ("sms", "email")
GIVEN = portal_pb2.MY_CONSENT_STATE_GIVEN
MOST = 1000


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/preferences", endpoint="preferences")(show)
    pages.post("/preferences/channel", endpoint="prefer_channel")(prefer)
    pages.post("/preferences/consents", endpoint="change_consent")(change)


def show() -> desk.View:
    """Show both."""
    return _page()


def prefer() -> desk.View:
    """Store by which channel the customer would rather be reached."""
    form = Form.sent()
    channel = names.value(contact_pb2.Channel, form.get("channel"))
    asked = portal_service_pb2.UpdateMyProfileRequest(
        profile=portal_pb2.MyProfile(preferred_channel=contact_pb2.Channel.ValueType(channel)),
        update_mask=FieldMask(paths=["preferred_channel"]),
        request_id=form.request_id,
    )
    form.attempt(lambda: desk.ask(PortalServiceStub).UpdateMyProfile(asked))
    return _done(form, "preferences.stored")


def change() -> desk.View:
    """Give or withdraw one consent; senders go by it from the next message on."""
    form = Form.sent()
    purpose = names.value(contact_pb2.Purpose, form.get("purpose"))
    channel = names.value(contact_pb2.Channel, form.get("channel"))
    given = form.get("given") == "yes"
    known = advertisers()
    if known and form.get("advertiser_id") not in {it.id for it in known}:
        form.general.append(desk.t("preferences.unknown"))
        form.status = 400
        return _done(form, "")
    asked = portal_service_pb2.ChangeMyConsentRequest(
        advertiser_id=form.get("advertiser_id"),
        purpose=contact_pb2.Purpose.ValueType(purpose),
        channel=contact_pb2.Channel.ValueType(channel),
        given=given,
        request_id=form.request_id,
    )
    form.attempt(lambda: desk.ask(PortalServiceStub).ChangeMyConsent(asked))
    return _done(form, "preferences.given" if given else "preferences.withdrawn")


def advertisers() -> Sequence[suppression_pb2.Advertiser]:
    """Return the legal entities that write to people; empty while the notifier is away.

    Their names are public, and customers have no right to the notifier: the gateway asks.
    """
    asked = suppression_service_pb2.ListAdvertisersRequest(page_size=MOST)
    found = desk.maybe(
        lambda: desk.gateway().peers.own(SenderServiceStub).ListAdvertisers(asked).advertisers,
        source="notifier",
    )
    return found or []


def _done(form: Form, said: str) -> desk.View:
    if form.bad:
        return _page(form), form.status
    flash(desk.t(said))
    return desk.to("preferences")


def _page(form: Form | None = None) -> str:
    asked = portal_service_pb2.ListMyConsentsRequest()
    found = desk.ask(PortalServiceStub).ListMyConsents(asked).consents
    told = {
        (
            it.advertiser_id,
            names.short(contact_pb2.Purpose, it.purpose),
            names.short(contact_pb2.Channel, it.channel),
        ): it
        for it in found
    }
    mine = desk.profile()
    return desk.page(
        "preferences.html",
        form=form or Form(),
        preferred=names.short(contact_pb2.Channel, mine.preferred_channel) if mine else "",
        advertisers=advertisers(),
        purposes=PURPOSES,
        channels=CHANNELS,
        told=told,
        given=GIVEN,
    )
