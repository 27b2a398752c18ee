"""Signing in, in one step or two, and out."""

from flask import Blueprint, Response, make_response, request, url_for
from werkzeug.datastructures import MultiDict

from chassis import errors
from services.gateway import problems, visitors
from services.gateway.web import desk

_REFUSALS = (
    errors.Unauthenticated,
    errors.InvalidArgument,
    errors.ResourceExhausted,
    errors.Unavailable,
)


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/sign-in", endpoint="sign_in")(show)
    pages.post("/sign-in", endpoint="try_sign_in")(attempt)
    pages.get("/sign-in/code", endpoint="sign_in_code")(show_code)
    pages.post("/sign-in/code", endpoint="try_code")(attempt_code)
    pages.post("/sign-out", endpoint="sign_out")(leave)


def show() -> desk.View:
    """Ask for address and password."""
    return page(email="", said="", status=200)


def attempt() -> desk.View:
    """Sign in, or go on to the second step; a refusal keeps the address that was typed."""
    sessions = desk.gateway().sessions
    sessions.check_origin(request)
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    if not email or not password:
        return page(email=email, said=desk.t("sign_in.both_needed"), status=400)
    try:
        answer = sessions.sign_in(email, password, user_agent=visitors.agent(), ip=visitors.ip())
    except _REFUSALS as refused:
        said = _why(refused, desk.t("sign_in.refused"))
        return page(email=email, said=said, status=problems.of(refused).status)
    back = request.form.get("next", "")
    if answer.challenge:
        response = make_response(desk.to(url_for("web.sign_in_code", next=back or None)))
        sessions.remember_challenge(response, answer)
        return response
    response = make_response(desk.to(desk.way_back(back)))
    sessions.remember(response, answer)
    return response


def show_code() -> desk.View:
    """Ask for the code of the second factor."""
    if not desk.gateway().sessions.challenge_of(request):
        return desk.to(url_for("web.sign_in", next=_back() or None))
    return _code_page(said="", status=200)


def attempt_code() -> desk.View:
    """Sign in with the code; a wrong one may be tried again while the challenge lasts."""
    sessions = desk.gateway().sessions
    sessions.check_origin(request)
    code = request.form.get("code", "").strip()
    if not code:
        return _code_page(said=desk.t("sign_in.code_needed"), status=400)
    challenge = sessions.challenge_of(request)
    try:
        answer = sessions.complete_sign_in(
            challenge, code, user_agent=visitors.agent(), ip=visitors.ip()
        )
    except _REFUSALS as refused:
        if refused.reason == "CHALLENGE_ENDED":
            response = make_response(page(email="", said=desk.t("sign_in.code_late"), status=401))
            sessions.dismiss_challenge(response)
            return response
        said = _why(refused, desk.t("sign_in.code_refused"))
        return _code_page(said=said, status=problems.of(refused).status)
    response = make_response(desk.to(desk.way_back(_back())))
    sessions.remember(response, answer)
    sessions.dismiss_challenge(response)
    return response


def leave() -> desk.View:
    """Sign out."""
    sessions = desk.gateway().sessions
    sessions.sign_out(sessions.secret_of(request))
    response: Response = make_response(desk.to(url_for("web.sign_in")))
    sessions.dismiss(response)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def too_often(refused: errors.ResourceExhausted) -> str:
    """Return how long to wait, in the reader's language."""
    return visitors.told_to_wait(refused, desk.t)


def _why(refused: errors.Error, otherwise: str) -> str:
    if isinstance(refused, errors.ResourceExhausted):
        return too_often(refused)
    if isinstance(refused, errors.Unavailable):
        return desk.t("sign_in.away")
    return otherwise


def _back() -> str:
    values: MultiDict[str, str] = request.form if request.method == "POST" else request.args
    return values.get("next", "")


def page(*, email: str, said: str, status: int) -> tuple[str, int]:
    """Return the page that asks for address and password, `said` being what went wrong."""
    provider = desk.gateway().oidc.label()
    body = desk.page("sign_in.html", email=email, said=said, back=_back(), provider=provider)
    return body, status


def _code_page(*, said: str, status: int) -> tuple[str, int]:
    return desk.page("sign_in_code.html", said=said, back=_back()), status
