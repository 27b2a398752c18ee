"""Legal entities that send, and who their messages come from: the least that a campaign needs."""

from crm.notifier.v1 import message_pb2, suppression_pb2, suppression_service_pb2
from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import desk, lookups, names, sender_identities
from services.gateway.web.forms import Form


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/senders", endpoint="senders")(listing)
    pages.post("/senders/advertisers", endpoint="create_advertiser")(create_advertiser)
    pages.post("/senders/identities", endpoint="create_identity")(create_identity)


def listing() -> desk.View:
    """Show who sends."""
    return _page()


def create_advertiser() -> desk.View:
    """Add a legal entity."""
    form = Form.sent(prefix="a-")
    asked = suppression_service_pb2.CreateAdvertiserRequest(
        advertiser=suppression_pb2.Advertiser(
            name=form.get("name"),
            postal_address=form.get("postal_address"),
            contact=form.get("contact"),
        ),
        request_id=form.request_id,
    )
    form.attempt(
        lambda: desk.ask(SenderServiceStub).CreateAdvertiser(asked),
        prefix="advertiser.",
        known=["name", "postal_address", "contact"],
    )
    if form.bad:
        return _page(status=form.status, advertiser_form=form)
    return _added("senders.advertiser_added")


def create_identity() -> desk.View:
    """Add an e-mail address or a brand name."""
    form = Form.sent(prefix="i-")
    channel = names.value(message_pb2.Channel, form.get("channel"))
    asked = suppression_service_pb2.CreateSenderIdentityRequest(
        sender_identity=suppression_pb2.SenderIdentity(
            advertiser_id=form.get("advertiser_id"),
            channel=message_pb2.Channel.ValueType(channel),
            address=form.get("address"),
            display_name=form.get("display_name"),
            reply_to=form.get("reply_to"),
        ),
        request_id=form.request_id,
    )
    form.attempt(
        lambda: desk.ask(SenderServiceStub).CreateSenderIdentity(asked),
        prefix="sender_identity.",
        known=["advertiser_id", "channel", "address", "display_name", "reply_to"],
    )
    if form.bad:
        return _page(status=form.status, identity_form=form)
    return _added("senders.identity_added")


def _added(said: str) -> desk.View:
    flash(desk.t(said))
    back = request.form.get("next", "")
    return desk.to(desk.way_back(back) if back else url_for("web.senders"))


def _page(*, status: int = 200, **forms: Form) -> desk.View:
    body = desk.page(
        "senders.html",
        advertisers=lookups.advertisers(),
        identities=lookups.sender_identities(),
        until=sender_identities.until,
        back=request.values.get("next", ""),
        **forms,
    )
    return body, status
