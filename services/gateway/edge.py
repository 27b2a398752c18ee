"""What surrounds every request: its context, one line of log, its metrics, and its headers."""

import contextvars
import re
import secrets
import time
from collections.abc import Iterable
from typing import Any, Protocol

import structlog
from flask import Flask, Response, g, request
from werkzeug.wsgi import ClosingIterator

from chassis import context
from services.gateway import bundle, metrics
from services.gateway.config import Settings

ROUTE = "mekong.route"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_YEAR = 31_536_000
_HSTS = f"max-age={_YEAR}; includeSubDomains"

log = structlog.get_logger()


class Wsgi(Protocol):
    """A WSGI application."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""


class Edge:
    """Wraps the application: a context of its own for each request, and one line when it ends."""

    def __init__(self, application: Wsgi) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request in a copy of the context, so that nothing stays with the thread."""
        return contextvars.copy_context().run(self._answer, environ, start_response)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = context.new_request_id()
        trace = environ.get("HTTP_TRACEPARENT", "")
        if not context.valid_traceparent(trace):
            trace = context.new_traceparent()
        line = _Line(environ, request_id, trace)

        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            line.status = int(status.split(" ", 1)[0])
            return start_response(status, [*headers, ("X-Request-Id", request_id)], *rest)

        with context.bind(request_id=request_id, traceparent=trace):
            metrics.http_in_flight.inc()
            try:
                body = self._application(environ, started)
            except BaseException:
                line.end()
                raise
        return ClosingIterator(body, [line.end])


class _Line:
    """What is logged and measured of one request; its route, never its address."""

    def __init__(self, environ: dict[str, Any], request_id: str, trace: str) -> None:
        self.status = 500
        self._environ = environ
        self._ids = {"request_id": request_id, "trace_id": trace.split("-")[1]}
        self._began = time.monotonic()

    def end(self) -> None:
        """Write the line and the metrics."""
        seconds = time.monotonic() - self._began
        method = self._environ.get("REQUEST_METHOD", "")
        if method not in _METHODS:
            method = "OTHER"
        route = self._environ.get(ROUTE, "none")
        metrics.http_in_flight.dec()
        metrics.http_handled.labels(method, route, str(self.status)).inc()
        metrics.http_seconds.labels(method, route).observe(seconds)
        log.info(
            "request",
            method=method,
            route=route,
            status=self.status,
            seconds=round(seconds, 4),
            **self._ids,
        )


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def nonce() -> str:
    """Return what a script of this answer has to carry to be run; another for each answer."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def _policy() -> str:
    """Return the policy of an answer: it runs the scripts that its page named, and no other."""
    scripts = f"'nonce-{g.nonce}'" if "nonce" in g else "'none'"
    return f"{_POLICY}; script-src {scripts}"


def install(app: Flask, settings: Settings) -> None:
    """Name the route of each request and add the security headers to each answer."""
    app.jinja_env.globals["nonce"] = nonce

    @app.before_request
    def name_the_route() -> None:
        request.environ[ROUTE] = request.url_rule.rule if request.url_rule else "none"

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", _policy())
        if settings.cookie_secure:
            response.headers.setdefault("Strict-Transport-Security", _HSTS)
        if request.path.startswith(f"{bundle.URL}/dist/") and response.status_code == 200:
            response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        elif not request.path.startswith(bundle.URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.wsgi_app = Edge(app.wsgi_app)  # type: ignore[method-assign]
