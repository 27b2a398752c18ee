"""Which of the two languages a page is shown in."""

from typing import Literal

from flask import Request, Response

Language = Literal["vi", "en"]

COOKIE = "lang"


def of(request: Request, own: str = "") -> Language:
    """Return the language of a page; Vietnamese if nothing says another.

    What is asked for by `?lang=` counts first, then the cookie, the reader's `own`, the browser.
    """
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE), own):
        if asked == "vi":
            return "vi"
        if asked == "en":
            return "en"
    best = request.accept_languages.best_match(["vi", "en"], default="vi")
    return "en" if best == "en" else "vi"


def keep(request: Request, response: Response) -> None:
    """Have the browser keep the language that was asked for by `?lang=`."""
    asked = request.args.get("lang")
    if asked in ("vi", "en") and response.status_code < 400:
        response.set_cookie(COOKIE, asked, max_age=31_536_000, samesite="Lax")
