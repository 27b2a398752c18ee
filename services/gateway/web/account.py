"""What belongs to the person signed in: the sessions, and ending one."""

from crm.accounts.v1 import session_service_pb2
from crm.accounts.v1.session_service_pb2_grpc import SessionServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway import languages
from services.gateway.web import desk, words


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/account/sessions", endpoint="sessions")(sessions)
    pages.post("/account/sessions/<session_id>/revoke", endpoint="revoke_session")(revoke)
    pages.post("/language", endpoint="language")(change_language)


def sessions() -> desk.View:
    """Show where one is signed in."""
    asked = session_service_pb2.ListSessionsRequest(page_size=100, page_token=desk.page_token())
    found = desk.ask(SessionServiceStub).ListSessions(asked)
    return desk.page("sessions.html", found=found)


def revoke(session_id: str) -> desk.View:
    """End one session."""
    asked = session_service_pb2.RevokeSessionRequest(id=session_id)
    desk.ask(SessionServiceStub).RevokeSession(asked)
    flash(desk.t("sessions.revoked"))
    return desk.to(url_for("web.sessions"))


def change_language() -> desk.View:
    """Keep the language chosen, and stay on the page."""
    chosen = request.form.get("lang", "")
    response = desk.to(desk.way_back(request.form.get("next", "")))
    if chosen in words.LANGUAGES:
        languages.keep(response, chosen, secure=desk.gateway().settings.cookie_secure)
    return response
