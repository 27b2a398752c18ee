"""The web interface for staff: pages made on the server, in Vietnamese and English."""

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, request

from chassis import sealing
from services.gateway import languages
from services.gateway.web import (
    access,
    account,
    api_clients,
    attachments,
    audit,
    calendar,
    campaign_forms,
    campaigns,
    consents,
    contact_actions,
    contact_files,
    contact_forms,
    contacts,
    day,
    deliveries,
    doubts,
    erasures,
    failures,
    feeds,
    follow_up_batches,
    follow_up_forms,
    follow_up_messages,
    follow_ups,
    home,
    imports,
    logins,
    next_steps,
    notifications,
    oidc,
    passwords,
    proposal_forms,
    proposal_templates,
    proposals,
    reassignments,
    reports,
    requests,
    roles,
    runs,
    security,
    segments,
    sender_identities,
    senders,
    series,
    series_forms,
    shell,
    sign_in,
    source_costs,
    staff,
    support,
    templates,
    working_hours,
)

if TYPE_CHECKING:
    from services.gateway.app import Gateway

__all__ = ["attach", "problem_page"]

PARTS = (
    access,
    account,
    api_clients,
    attachments,
    audit,
    calendar,
    campaign_forms,
    campaigns,
    consents,
    contact_actions,
    contact_files,
    contact_forms,
    contacts,
    day,
    deliveries,
    doubts,
    erasures,
    feeds,
    follow_up_batches,
    follow_up_forms,
    follow_up_messages,
    follow_ups,
    home,
    imports,
    logins,
    next_steps,
    notifications,
    oidc,
    passwords,
    proposal_forms,
    proposal_templates,
    proposals,
    reassignments,
    reports,
    requests,
    roles,
    runs,
    security,
    segments,
    sender_identities,
    senders,
    series,
    series_forms,
    sign_in,
    source_costs,
    staff,
    support,
    templates,
    working_hours,
)

problem_page = failures.problem_page


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add the pages of the web interface to `app`."""
    _carry_notices(app, gateway)
    pages = Blueprint("web", __name__, template_folder="templates")
    limit = f"{gateway.settings.sign_in_per_minute} per minute"
    for part in PARTS:
        part.add(pages)
    shell.add(pages, app)
    failures.add(pages)
    pages.after_request(lambda response: _keep_language(gateway, response))
    app.register_blueprint(pages)
    # Limited here, once the routes are known, as the limit is a setting.
    attempts = ("try_sign_in", "try_code", "ask_link", "choose_password")
    for name in (*attempts, "oidc_begin", "oidc_callback"):
        attempt: Any = app.view_functions[f"web.{name}"]
        app.view_functions[f"web.{name}"] = gateway.limiter.limit(limit)(attempt)
    opening: Any = app.view_functions["web.password_link"]
    often = f"{gateway.settings.public_per_minute} per minute"
    app.view_functions["web.password_link"] = gateway.limiter.limit(often)(opening)


def _carry_notices(app: Flask, gateway: "Gateway") -> None:
    """Let "it was stored" reach the next page: in a sealed cookie that holds nothing else."""
    keys = sealing.lines(gateway.settings.seal_key.get_secret_value())
    first, *older = (hmac.new(it.encode(), b"notices", hashlib.sha256).digest() for it in keys)
    app.secret_key = first
    app.config["SECRET_KEY_FALLBACKS"] = older
    app.config["SESSION_COOKIE_NAME"] = "__Host-said" if gateway.settings.cookie_secure else "said"
    app.config["SESSION_COOKIE_SECURE"] = gateway.settings.cookie_secure
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"


def _keep_language(gateway: "Gateway", response: Response) -> Response:
    languages.keep_asked(request, response, secure=gateway.settings.cookie_secure)
    return response
