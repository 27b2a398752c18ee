"""Signing in at the OpenID provider of the house: there and back."""

from flask import Blueprint, make_response, request, url_for

from chassis import errors
from services.gateway import problems, visitors
from services.gateway.web import desk, sign_in, words


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/sign-in/oidc", endpoint="oidc_begin")(begin)
    pages.get("/sign-in/oidc/callback", endpoint="oidc_callback")(come_back)


def begin() -> desk.View:
    """Send the browser to the provider; only from a page of ours."""
    oidc, back = desk.gateway().oidc, request.args.get("next", "")
    try:
        begun = oidc.begin(request)
    except (errors.PermissionDenied, errors.NotFound):
        return desk.to(url_for("web.sign_in"))
    except (errors.Unavailable, errors.ResourceExhausted) as refused:
        return _refused(refused)
    response = make_response(desk.to(begun.authorization_url))
    oidc.remember(response, begun, desk.way_back(back))
    return response


def come_back() -> desk.View:
    """Sign in who comes back from the provider; the cookie ends, whatever comes of it."""
    gateway = desk.gateway()
    try:
        answer = gateway.oidc.complete(request, user_agent=visitors.agent(), ip=visitors.ip())
    except (
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.ResourceExhausted,
        errors.Unavailable,
        errors.DeadlineExceeded,
    ) as refused:
        response = make_response(_refused(refused))
        gateway.oidc.dismiss(response)
        return response
    back = desk.way_back(gateway.oidc.back(request))
    if answer.challenge:
        response = make_response(desk.to(url_for("web.sign_in_code", next=back)))
        gateway.sessions.remember_challenge(response, answer)
    else:
        response = make_response(desk.to(back))
        gateway.sessions.remember(response, answer)
    gateway.oidc.dismiss(response)
    return response


def _refused(refused: errors.Error) -> tuple[str, int]:
    return sign_in.page(email="", said=_why(refused), status=problems.of(refused).status)


def _why(refused: errors.Error) -> str:
    name = desk.gateway().oidc.label()
    if isinstance(refused, errors.ResourceExhausted):
        return sign_in.too_often(refused)
    if isinstance(refused, errors.Unavailable | errors.DeadlineExceeded):
        ours = refused.metadata.get("peer") != "oidc"
        return desk.t("sign_in.away") if ours else desk.t("sign_in.oidc_away", name=name)
    match refused.reason:
        case "OIDC_DENIED":
            return desk.t("sign_in.oidc_denied", name=name)
        case "OIDC_ANSWER_INVALID":
            check = refused.metadata.get("check", "")
            what = words.known(desk.language(), f"sign_in.oidc_check_{check}", check)
            return desk.t("sign_in.oidc_invalid", name=name, what=what)
        case "OIDC_PERSON_REFUSED":
            why = f"sign_in.oidc_{refused.metadata.get('why', '')}"
            unknown = desk.t("sign_in.oidc_unknown", name=name)
            return words.known(desk.language(), why, unknown).format(name=name)
    return desk.t("sign_in.oidc_ended")
