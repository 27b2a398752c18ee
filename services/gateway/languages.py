"""Which of the two languages a page is shown in."""

from typing import Literal

from flask import Request
from werkzeug.wrappers import Response

Language = Literal["vi", "en"]

COOKIE = "lang"
_OVER_HTTPS = f"__Host-{COOKIE}"
_YEAR = 31_536_000


def of(request: Request) -> Language:
    """Return the language asked for by `?lang=`, the cookie or the browser; Vietnamese if none."""
    for asked in (request.args.get("lang"), kept(request)):
        if asked == "vi":
            return "vi"
        if asked == "en":
            return "en"
    best = request.accept_languages.best_match(["vi", "en"], default="vi")
    return "en" if best == "en" else "vi"


def kept(request: Request) -> str:
    """Return what the browser was told to keep, or an empty string."""
    return request.cookies.get(_OVER_HTTPS) or request.cookies.get(COOKIE, "")


def keep(response: Response, language: str, *, secure: bool) -> None:
    """Have the browser keep a language for a year; `secure` as for the session's cookie."""
    response.set_cookie(
        _OVER_HTTPS if secure else COOKIE,
        language,
        max_age=_YEAR,
        secure=secure,
        httponly=True,
        samesite="Lax",
    )
