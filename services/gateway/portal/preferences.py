"""How the customer would rather be reached, and what they agree to get."""

import functools
from collections.abc import Mapping, Sequence
from typing import cast

from crm.leads.v1 import contact_pb2, portal_pb2, portal_service_pb2
from crm.leads.v1.portal_service_pb2_grpc import PortalServiceStub
from crm.notifier.v1 import suppression_pb2, suppression_service_pb2
from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceStub
from flask import Blueprint, flash, g
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
    pages.post("/preferences/refusal", endpoint="refuse_advertising")(refuse_advertising)


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
    if form.get("advertiser_id") not in _known(_consents()):
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


def refuse_advertising() -> desk.View:
    """Withdraw every consent to advertising; once more it changes nothing."""
    form, stub = Form.sent(), desk.ask(PortalServiceStub)
    for advertiser_id in _known(_consents()):
        for channel in CHANNELS:
            number = names.value(contact_pb2.Channel, channel)
            asked = portal_service_pb2.ChangeMyConsentRequest(
                advertiser_id=advertiser_id,
                purpose=contact_pb2.PURPOSE_MARKETING,
                channel=contact_pb2.Channel.ValueType(number),
                given=False,
            )
            if form.attempt(functools.partial(stub.ChangeMyConsent, asked)) is None:
                return _done(form, "")
    return _done(form, "preferences.refused_all")


def advertisers() -> Sequence[suppression_pb2.Advertiser]:
    """Return the legal entities that write to people; empty while the notifier is away.

    Their names are public, and customers have no right to the notifier: the gateway asks.
    """
    if "advertisers" not in g:
        asked = suppression_service_pb2.ListAdvertisersRequest(page_size=MOST)
        found = desk.maybe(
            lambda: desk.gateway().peers.own(SenderServiceStub).ListAdvertisers(asked).advertisers,
            source="notifier",
        )
        g.advertisers = found or []
    return cast("Sequence[suppression_pb2.Advertiser]", g.advertisers)


def _consents() -> Sequence[portal_pb2.MyConsent]:
    asked = portal_service_pb2.ListMyConsentsRequest()
    return desk.ask(PortalServiceStub).ListMyConsents(asked).consents


def _known(consents: Sequence[portal_pb2.MyConsent]) -> Mapping[str, str]:
    """Return the names of who writes to people, by id, those among whom the customer has chosen.

    What was chosen can be changed while the notifier, which knows the names, is away.
    """
    named = {it.id: it.name for it in advertisers()}
    unnamed = {
        it.advertiser_id: desk.t("preferences.unnamed", id=it.advertiser_id[:8]) for it in consents
    }
    return {**unnamed, **named}


def _done(form: Form, said: str) -> desk.View:
    if form.bad:
        return _page(form), form.status
    flash(desk.t(said))
    return desk.to("preferences")


def _page(form: Form | None = None) -> str:
    found = _consents()
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
        advertisers=_known(found),
        purposes=PURPOSES,
        channels=CHANNELS,
        told=told,
        given=GIVEN,
    )
