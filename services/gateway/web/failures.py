"""Pages for what goes wrong: said plainly, with what to do next and a code to quote."""

from flask import Blueprint, Response, g, request

from chassis import errors
from services.gateway import problems
from services.gateway.web import desk

HINTS = {403: "failure.hint_403", 404: "failure.hint_404", 429: "failure.hint_429"}


def add(pages: Blueprint) -> None:
    """Let somebody whose session ended sign in again; the rest is told by `problem_page`."""
    pages.register_error_handler(errors.Unauthenticated, _sign_in_again)


def _sign_in_again(_: Exception) -> desk.View:
    return desk.to("/sign-in")


def problem_page(problem: problems.Problem) -> Response:
    """Return the page, or for a part of a page the notice, that tells of `problem`."""
    g.web = True
    hint = HINTS.get(problem.status)
    if hint is None:
        hint = "failure.hint_503" if problem.status in (503, 504) else "failure.hint_other"
    if problem.status == 500:
        hint = "failure.hint_500"
    template = "failure_part.html" if desk.partial() else "failure.html"
    body = desk.page(
        template,
        problem=problem,
        title=problem.title(desk.language()),
        hint=desk.t(hint),
        again=request.method == "GET" and problem.status in (500, 503, 504),
    )
    return Response(body, mimetype="text/html")
