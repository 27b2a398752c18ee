"""What the code of a portal page has at hand: the customer, words, times, and the peers."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, cast

from crm.interactions.v1 import portal_pb2 as met
from crm.interactions.v1 import proposal_pb2, request_pb2
from crm.leads.v1 import portal_pb2, portal_service_pb2, transaction_pb2
from crm.leads.v1.portal_service_pb2_grpc import PortalServiceStub
from flask import g, redirect, render_template, url_for
from google.protobuf.timestamp_pb2 import Timestamp
from werkzeug.wrappers import Response as WerkzeugResponse

from services.gateway.languages import Language
from services.gateway.portal.sessions import Customer
from services.gateway.web import desk, formats, names, words

View = desk.View
PAGE_SIZE = 20
CATALOGUE = Path(__file__).parent / "catalogue"

ENUMS: Mapping[str, Any] = {
    "appointment_type": met.MyAppointmentType,
    "appointment_state": met.MyAppointmentState,
    "proposal_state": proposal_pb2.ProposalState,
    "request_kind": request_pb2.RequestKind,
    "request_state": request_pb2.RequestState,
    "transaction": transaction_pb2.TransactionType,
}
"""Families of the catalogue that name an enum's values."""

gateway, ask, maybe = desk.gateway, desk.ask, desk.maybe


def customer() -> Customer:
    """Return who is signed in."""
    return cast(Customer, g.customer)


def language() -> Language:
    """Return the language of this page."""
    return desk.language()


def texts() -> Mapping[str, str]:
    """Return the words of the portal by their keys (`home.title`)."""
    return words.catalogue(language(), CATALOGUE)


def t(key: str, **values: Any) -> str:
    """Return a text of the portal, or of the web interface; raises `KeyError` for neither."""
    found = texts().get(key) or words.text(language(), key)
    return found.format(**values) if values else found


def short(family: str, value: int) -> str:
    """Return the short name of an enum's value."""
    return names.short(ENUMS[family], value)


def word(family: str, value: int) -> str:
    """Return the word for an enum's value; the name of one that is newer than this code."""
    name = short(family, value)
    return texts().get(f"{family}.{name}", name)


def profile() -> portal_pb2.MyProfile | None:
    """Return the customer's profile, asked once a request; None while leads is away."""
    if "profile" not in g:
        stub, asked = ask(PortalServiceStub), portal_service_pb2.GetMyProfileRequest()
        g.profile = maybe(lambda: stub.GetMyProfile(asked), source="leads")
    return cast("portal_pb2.MyProfile | None", g.profile)


def moment(value: Timestamp) -> str:
    """Return day and minute in the customer's zone."""
    known = profile()
    return formats.moment(language(), value, known.time_zone if known else formats.HOME_ZONE)


def page(template: str, /, **values: Any) -> str:
    """Render a page of the portal."""
    now = language()
    return render_template(
        f"portal/{template}",
        **{
            "customer": customer(),
            "language": now,
            "other": "en" if now == "vi" else "vi",
            "t": t,
            "short": short,
            "word": word,
            "csrf_token": g.portal_csrf,
            "moment": moment,
            "day": lambda text: formats.day(now, date.fromisoformat(text)) if text else "",
            "money": lambda amount, currency: formats.money(now, amount, currency),
            "number": lambda value: formats.number(now, value),
            "phone": formats.phone,
            "unanswered": lambda: g.get("unanswered", []),
            "fresh_id": desk.fresh_id,
            **values,
        },
    )


def to(endpoint: str, **values: Any) -> WerkzeugResponse:
    """Send the browser on to a page of the portal."""
    return redirect(url_for(f"my.{endpoint}", **values), code=303)


def page_token() -> str:
    """Return where the list goes on."""
    return desk.page_token()
