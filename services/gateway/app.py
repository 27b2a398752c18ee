"""Puts the application together: parts, error handlers, and what answers under which path."""

from dataclasses import dataclass

import grpc
import structlog
from flask import Flask, Response, jsonify, render_template, request
from flask.json.provider import DefaultJSONProvider
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from gunicorn.http.errors import NoMoreData, ParseException
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from chassis import errors, networks
from services.gateway import api, auth, bundle, edge, languages, portal, problems, public, web
from services.gateway.api.limits import Limits
from services.gateway.bearers import Bearers
from services.gateway.clients import Peers
from services.gateway.config import Settings
from services.gateway.files import MOST_TO_CUSTOMERS, Files
from services.gateway.identity import Identity
from services.gateway.oidc import Oidc
from services.gateway.portal.sessions import ContactSessions

log = structlog.get_logger()


class _Json(DefaultJSONProvider):
    """Members in the protos' order, and letters as they are."""

    sort_keys = False
    ensure_ascii = False


@dataclass(frozen=True)
class Gateway:
    """The parts that handlers need; `app.extensions["gateway"]` has it."""

    settings: Settings
    peers: Peers
    sessions: auth.Sessions
    oidc: Oidc
    limiter: Limiter
    limits: Limits
    files: Files
    contact_sessions: ContactSessions
    files_of_customers: Files


def create(settings: Settings) -> Flask:
    """Return the WSGI application; it connects to nobody before the first request."""
    app = Flask(__name__, static_folder=str(bundle.STATIC), static_url_path=bundle.URL)
    app.config["MAX_CONTENT_LENGTH"] = settings.body_max_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.body_max_bytes
    app.json = _Json(app)
    peers = Peers(settings, Identity(settings))
    limiter = Limiter(_caller, app=app, storage_uri="memory://", headers_enabled=False)
    limits = Limits(Bearers(settings.issuer_url), settings.api_requests_per_minute)
    sessions = auth.Sessions(peers, settings)
    customers = ContactSessions(peers, settings, sessions.place)
    oidc = Oidc(peers, sessions)
    theirs = Files(MOST_TO_CUSTOMERS)
    gateway = Gateway(settings, peers, sessions, oidc, limiter, limits, Files(), customers, theirs)
    app.extensions["gateway"] = gateway
    app.jinja_env.globals.update(asset=bundle.asset, built=bundle.built, icon=bundle.icon)
    app.jinja_env.globals.update(in_language=languages.link)
    app.jinja_env.globals.update(organisation=settings.organisation_name)
    edge.install(app, settings)
    _handle_failures(app, settings)
    api.attach(app, gateway)
    public.attach(app, gateway)
    portal.attach(app, gateway)
    web.attach(app, gateway)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _caller() -> str:
    """Whom a rate is kept for: all addresses that one subscriber of a network has."""
    return networks.block(get_remote_address())


def _handle_failures(app: Flask, settings: Settings) -> None:
    def answer(failure: Exception) -> Response:
        problem = problems.of(failure)
        if problem.reason == "INTERNAL":
            log.error("request_failed", exc_info=failure)
        response = _document(problem, settings) if _wants_document() else _page(problem)
        response.status_code = problem.status
        response.headers.update(problem.headers())
        if isinstance(failure, HTTPException):
            allowed = failure.get_headers(request.environ)
            response.headers.update({k: v for k, v in allowed if k == "Allow"})
        return response

    def unreadable(_: Exception) -> Response:
        return answer(BadRequest())

    for kind in (ParseException, NoMoreData):  # of a body that is read while it comes
        app.register_error_handler(kind, unreadable)
    app.register_error_handler(errors.Error, answer)
    app.register_error_handler(grpc.RpcError, answer)
    app.register_error_handler(HTTPException, answer)
    app.register_error_handler(Exception, answer)


def _wants_document() -> bool:
    if request.path.startswith("/api/") and request.path != "/api/docs":
        return True
    offered = request.accept_mimetypes
    return offered.best_match(["text/html", "application/json"], "text/html") != "text/html"


def _document(problem: problems.Problem, settings: Settings) -> Response:
    response = jsonify(problem.as_dict(settings.public_url))
    response.mimetype = "application/problem+json"
    return response


def _page(problem: problems.Problem) -> Response:
    is_customers = (request.endpoint or "").startswith(("public.", "portal.", "my."))
    if not is_customers and not request.path.startswith(("/u/", "/portal/")):
        return web.problem_page(problem)
    language = languages.of(request)
    return Response(
        render_template("public/problem.html", problem=problem, language=language),
        mimetype="text/html",
    )
