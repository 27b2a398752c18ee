"""Which of the two languages a page is shown in."""

from typing import Literal

from flask import Request, Response, request

Language = Literal["vi", "en"]

COOKIE = "lang"


def of(asking: Request) -> Language:
    """Return the language asked for by `?lang=`, the cookie or the browser; Vietnamese if none."""
    for asked in (asking.args.get("lang"), asking.cookies.get(COOKIE)):
        if asked == "vi":
            return "vi"
        if asked == "en":
            return "en"
    best = asking.accept_languages.best_match(["vi", "en"], default="vi")
    return "en" if best == "en" else "vi"


def keep(response: Response) -> Response:
    """Remember on `response` the language that this request asked for."""
    asked = request.args.get("lang")
    if asked in ("vi", "en") and response.status_code < 400:
        response.set_cookie(COOKIE, asked, max_age=31_536_000, samesite="Lax")
    return response
