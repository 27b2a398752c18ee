"""Which of the two languages a page is shown in."""

from typing import Literal
from urllib.parse import urlencode

from flask import Request, current_app
from werkzeug.wrappers import Response

Language = Literal["vi", "en"]

COOKIE = "lang"
_OVER_HTTPS = f"__Host-{COOKIE}"
_YEAR = 31_536_000


def of(request: Request, own: str = "") -> Language:
    """Return the language of a page; Vietnamese if nothing says another.

    What is asked for by `?lang=` counts first, then the cookie, the reader's `own`, the browser.
    """
    for asked in (request.args.get("lang"), kept(request), own):
        if asked == "vi":
            return "vi"
        if asked == "en":
            return "en"
    best = request.accept_languages.best_match(["vi", "en"], default="vi")
    return "en" if best == "en" else "vi"


def kept(request: Request) -> str:
    """Return what the browser was told to keep, or an empty string."""
    return request.cookies.get(_OVER_HTTPS) or request.cookies.get(COOKIE, "")


def link(request: Request, language: str) -> str:
    """Return where this page is read in another language; what answers a form has its page."""
    path, parts = request.path, current_app.create_url_adapter(request)
    while parts is not None and not parts.test(path, method="GET") and path.count("/") > 1:
        path = path.rpartition("/")[0]
    kept = request.args.to_dict(flat=False) if path == request.path else {}
    return f"{path}?{urlencode({**kept, 'lang': [language]}, doseq=True)}"


def keep_asked(request: Request, response: Response, *, secure: bool) -> None:
    """Have the browser keep the language that was asked for by `?lang=`, if the page is there."""
    asked = request.args.get("lang")
    if asked in ("vi", "en") and response.status_code < 400:
        keep(response, asked, secure=secure)


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
