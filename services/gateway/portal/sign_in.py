"""How customers come into the portal and leave it: by code, password or invitation."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from chassis import errors
from services.gateway import languages, problems, visitors
from services.gateway.languages import Language
from services.gateway.portal import places
from services.gateway.portal.sessions import ContactSessions
from services.gateway.visitors import agent as _agent
from services.gateway.visitors import ip as _ip
from services.gateway.web import words

if TYPE_CHECKING:
    from services.gateway.app import Gateway

View = str | WerkzeugResponse | tuple[str, int]
log = structlog.get_logger(__name__)

_REFUSALS = (
    errors.Unauthenticated,
    errors.InvalidArgument,
    errors.FailedPrecondition,
    errors.ResourceExhausted,
    errors.Unavailable,
    errors.DeadlineExceeded,
)


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add the pages to `app`."""
    pages, settings = _Pages(gateway.contact_sessions), gateway.settings
    tries = gateway.limiter.limit(f"{settings.portal_sign_ins_per_minute} per minute")
    of_session = gateway.limiter.limit(
        f"{settings.sign_in_per_minute} per minute",
        key_func=lambda: gateway.contact_sessions.limited_by(request),
    )
    visits = gateway.limiter.limit(f"{settings.public_per_minute} per minute")
    for rule, name, method, limit, view in (
        ("/portal/sign-in", "sign_in", "GET", visits, pages.show),
        ("/portal/sign-in", "try_sign_in", "POST", tries, pages.begin),
        ("/portal/sign-in/code", "code", "GET", visits, pages.show_code),
        ("/portal/sign-in/code", "try_code", "POST", tries, pages.enter_code),
        ("/portal/sign-out", "sign_out", "POST", visits, pages.leave),
        ("/portal/welcome/<token>", "welcome", "GET", visits, pages.show_invitation),
        ("/portal/welcome/<token>", "accept", "POST", tries, pages.accept),
        ("/portal/password", "password", "GET", visits, pages.show_password),
        ("/portal/password", "set_password", "POST", of_session, pages.set_password),
    ):
        app.add_url_rule(rule, f"portal.{name}", limit(view), methods=[method])


class _Pages:
    def __init__(self, sessions: ContactSessions) -> None:
        self._sessions = sessions

    def show(self) -> View:
        """Ask for an address."""
        return _page("sign_in.html", typed="", open_password=False)

    def begin(self) -> View:
        """Have a code sent, or sign in with a password; what is said never tells who is known."""
        self._sessions.check_origin(request)
        typed, password = request.form.get("address", "").strip(), ""
        if request.form.get("how") == "password":
            password = request.form.get("password", "")
            if not typed or not password:
                return self._begun(typed, _t("portal_sign_in.both_needed"), 400)
        step = self._sessions.new_step(request, typed)
        try:
            if password:
                made = self._sessions.by_password(typed, password, user_agent=_agent(), ip=_ip())
                return self._welcomed(made)
            self._sessions.request_code(step, _ip())
        except _REFUSALS as refused:
            return self._begun(
                typed, _why(refused, "portal_sign_in.password_refused"), _code(refused)
            )
        response = _to("portal.code", next=places.asked(request) or None)
        self._sessions.remember_step(response, step)
        return response

    def show_code(self) -> View:
        """Ask for the code that was sent."""
        address = self._sessions.step_of(request).address
        return _page("code.html", address=address) if address else _anew()

    def enter_code(self) -> View:
        """Sign in with a code; a wrong one may be tried again."""
        self._sessions.check_origin(request)
        step = self._sessions.step_of(request)
        if not step.address:
            return _anew()
        typed, address = request.form.get("code", "").strip(), step.address
        if not typed:
            return _page(
                "code.html", address=address, said=_t("portal_sign_in.code_needed"), status=400
            )
        try:
            made = self._sessions.by_code(step, typed, user_agent=_agent(), ip=_ip())
        except _REFUSALS as refused:
            said = _why(refused, "portal_sign_in.code_refused")
            return _page("code.html", address=address, said=said, status=_code(refused))
        return self._welcomed(made)

    def leave(self) -> View:
        """Sign out; where nobody is signed in any more there is nothing to end."""
        secret = self._sessions.secret_of(request)
        if secret:
            self._sessions.check_csrf(request, secret)
            self._sessions.sign_out(secret)
        response = _to("portal.sign_in")
        self._sessions.dismiss(response)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def show_invitation(self, token: str) -> View:
        """Show whom an invitation is for; changes nothing, since programs open links too."""
        return self._invitation(token)

    def accept(self, token: str) -> View:
        """Sign in with an invitation, with a password for later if one was chosen."""
        self._sessions.check_origin(request)
        password = request.form.get("new_password", "")
        if password != request.form.get("repeat", ""):
            return self._invitation(token, {"repeat": "password.differs"})
        try:
            made = self._sessions.accept(token, password=password, user_agent=_agent(), ip=_ip())
        except errors.NotFound:
            return self._gone()
        except errors.InvalidArgument as refused:
            return self._invitation(token, _complaints(refused, {"password": "new_password"}))
        except errors.ResourceExhausted as refused:
            return self._invitation(token, {"new_password": _why(refused, "")})
        return self._welcomed(made)

    def show_password(self) -> View:
        """Ask for a password."""
        return self._password()

    def set_password(self) -> View:
        """Store a password, or say what is refused."""
        secret = self._sessions.secret_of(request)
        if not secret:
            return self._password()
        self._sessions.check_csrf(request, secret)
        old, new = (request.form.get(it, "") for it in ("old_password", "new_password"))
        if new != request.form.get("repeat", ""):
            return self._password({"repeat": "password.differs"})
        try:
            self._sessions.who(secret)
            self._sessions.set_password(secret, old=old, new=new)
        except errors.InvalidArgument as refused:
            return self._password(_complaints(refused))
        except errors.Unauthenticated as refused:
            if refused.reason == "TOKEN_EXPIRED":
                return _to("portal.sign_in", next=url_for("portal.password"))
            return self._password({"old_password": "security.password_wrong"})
        except errors.FailedPrecondition:
            return self._password({"old_password": "portal_sign_in.prove"})
        except errors.ResourceExhausted as refused:
            return self._password(said=_why(refused, ""), status=429)
        return _to("portal.password", saved=1)

    def _begun(self, typed: str, said: str, status: int) -> View:
        opened = request.form.get("how") == "password"
        return _page("sign_in.html", typed=typed, said=said, open_password=opened, status=status)

    def _welcomed(self, made: Any) -> View:
        response = make_response(redirect(places.asked(request) or places.HOME, code=303))
        self._end(self._sessions.secret_of(request))
        self._sessions.remember(response, made)
        return response

    def _end(self, secret: str) -> None:
        """End the session that this browser had, since its cookie is about to be overwritten."""
        try:
            if secret:
                self._sessions.sign_out(secret)
        except (errors.Unavailable, errors.DeadlineExceeded) as away:
            log.info("former_session_left", error=type(away).__name__)

    def _invitation(self, token: str, wrong: dict[str, str] | None = None) -> View:
        try:
            found = self._sessions.invitation(token)
        except errors.NotFound:
            return self._gone()
        return _page(
            "welcome.html",
            language=languages.of(request, found.language),
            found=found,
            token=token,
            wrong=wrong or {},
            status=400 if wrong else 200,
        )

    def _gone(self) -> View:
        return _page("gone.html", status=404)

    def _password(
        self, wrong: dict[str, str] | None = None, *, said: str = "", status: int = 0
    ) -> View:
        secret = self._sessions.secret_of(request)
        try:
            customer = self._sessions.who(secret) if secret else None
        except errors.Unauthenticated:
            customer = None
        if customer is None:
            return _to("portal.sign_in", next=url_for("portal.password"))
        return _page(
            "password.html",
            language=languages.of(request, customer.language),
            customer=customer,
            csrf_token=self._sessions.csrf_token(secret),
            saved="saved" in request.args and not wrong,
            wrong=wrong or {},
            said=said,
            status=status or (400 if wrong else 200),
        )


def _page(
    template: str, *, language: Language | None = None, status: int = 200, **values: Any
) -> View:
    shown = language or languages.of(request)
    values = {"said": "", "wrong": {}, "next": places.asked(request), **values}
    body = render_template(
        f"portal/{template}",
        language=shown,
        other="en" if shown == "vi" else "vi",
        t=_reader(shown),
        **values,
    )
    return body, status


def _reader(language: Language) -> Callable[..., str]:
    """Return what gives a text by its key; a sentence of a service is given as it is."""

    def text(key: str, **values: Any) -> str:
        known = key in words.catalogue(language)
        return words.text(language, key, **values) if known else words.complaint(language, key)

    return text


def _t(key: str, **values: Any) -> str:
    return words.text(languages.of(request), key, **values)


def _complaints(
    refused: errors.InvalidArgument, inputs: dict[str, str] | None = None
) -> dict[str, str]:
    """Return what a service says of fields, by the input that shows it."""
    return {(inputs or {}).get(it.field, it.field): it.description for it in refused.violations}


def _why(refused: errors.Error, otherwise: str) -> str:
    if isinstance(refused, errors.ResourceExhausted):
        return visitors.told_to_wait(refused, _t)
    if isinstance(refused, errors.InvalidArgument):
        return _t("portal_sign_in.no_address")
    if isinstance(refused, errors.FailedPrecondition):
        return _t("portal_sign_in.no_sender")
    if isinstance(refused, errors.Unauthenticated):
        return _t(otherwise)
    return _t("sign_in.away")


def _code(refused: errors.Error) -> int:
    return problems.of(refused).status


def _to(endpoint: str, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, **values), code=303))


def _anew() -> Response:
    return _to("portal.sign_in", next=places.asked(request) or None)
