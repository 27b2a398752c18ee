"""Signing in and out."""

from flask import Blueprint, Response, make_response, request, url_for
from werkzeug.datastructures import MultiDict

from chassis import errors
from services.gateway import problems
from services.gateway.web import desk


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/sign-in", endpoint="sign_in")(show)
    pages.post("/sign-in", endpoint="try_sign_in")(attempt)
    pages.post("/sign-out", endpoint="sign_out")(leave)


def show() -> desk.View:
    """Ask for address and password."""
    return _page(email="", said="", status=200)


def attempt() -> desk.View:
    """Sign in; a refusal keeps the address that was typed."""
    sessions = desk.gateway().sessions
    sessions.check_origin(request)
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    if not email or not password:
        return _page(email=email, said=desk.t("sign_in.both_needed"), status=400)
    try:
        session = sessions.sign_in(
            email,
            password,
            user_agent=request.headers.get("User-Agent", ""),
            ip=request.remote_addr or "",
        )
    except (
        errors.Unauthenticated,
        errors.InvalidArgument,
        errors.ResourceExhausted,
        errors.Unavailable,
    ) as refused:
        return _page(email=email, said=_why(refused), status=problems.of(refused).status)
    response = make_response(desk.to(desk.way_back(request.form.get("next", ""))))
    sessions.remember(response, session)
    return response


def leave() -> desk.View:
    """Sign out."""
    sessions = desk.gateway().sessions
    sessions.sign_out(sessions.secret_of(request))
    response: Response = make_response(desk.to(url_for("web.sign_in")))
    sessions.dismiss(response)
    return response


def _why(refused: errors.Error) -> str:
    if isinstance(refused, errors.ResourceExhausted):
        return desk.t("sign_in.too_often", minutes=_minutes(refused))
    if isinstance(refused, errors.Unavailable):
        return desk.t("sign_in.away")
    return desk.t("sign_in.refused")


def _minutes(refused: errors.Error) -> int:
    return max(1, round((refused.retry_after_seconds or 60) / 60))


def _page(*, email: str, said: str, status: int) -> desk.View:
    values: MultiDict[str, str] = request.form if request.method == "POST" else request.args
    back = values.get("next", "")
    return desk.page("sign_in.html", email=email, said=said, back=back), status
