"""Puts the portal's pages together: who may see them, and what every page shares."""

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, g, redirect, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from chassis import errors
from services.gateway import clients, languages
from services.gateway.portal import (
    appointments,
    desk,
    home,
    my_data,
    places,
    preferences,
    profile,
    proposals,
    purchases,
    requests,
)

if TYPE_CHECKING:
    from services.gateway.app import Gateway

PARTS = (home, profile, preferences, proposals, appointments, purchases, requests, my_data)
WRITES_PER_MINUTE = 60


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add the pages below `/portal` to `app`."""
    pages = Blueprint("my", __name__, url_prefix="/portal")
    for part in PARTS:
        part.add(pages)
    pages.before_request(_admit)
    pages.register_error_handler(errors.Unauthenticated, _sign_in_again)
    app.register_blueprint(pages)
    # What a customer writes is read by people: no faster than a person types.
    limit = gateway.limiter.limit(
        f"{WRITES_PER_MINUTE} per minute",
        key_func=lambda: gateway.contact_sessions.limited_by(request),
    )
    for rule in list(app.url_map.iter_rules()):
        if rule.endpoint.startswith("my.") and "POST" in (rule.methods or ()):
            view: Any = app.view_functions[rule.endpoint]
            app.view_functions[rule.endpoint] = limit(view)


def _admit() -> WerkzeugResponse | None:
    sessions = desk.gateway().contact_sessions
    secret = sessions.secret_of(request)
    if not secret:
        return _sign_in()
    sessions.check_csrf(request, secret)
    g.customer = sessions.who(secret)
    g.portal_csrf = sessions.csrf_token(secret)
    g.language = languages.of(request, g.customer.language)
    clients.act_as(g.customer.token)
    return None


def _sign_in_again(_: Exception) -> WerkzeugResponse:
    return _sign_in()


def _sign_in() -> WerkzeugResponse:
    return redirect(url_for("portal.sign_in", next=places.wanted(request) or None), code=303)
