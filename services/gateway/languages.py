"""Which of the two languages a page is shown in."""

from typing import Literal

from flask import Request

Language = Literal["vi", "en"]

COOKIE = "lang"


def of(request: Request) -> Language:
    """Return the language asked for by `?lang=`, the cookie or the browser; Vietnamese if none."""
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if asked == "vi":
            return "vi"
        if asked == "en":
            return "en"
    best = request.accept_languages.best_match(["vi", "en"], default="vi")
    return "en" if best == "en" else "vi"
