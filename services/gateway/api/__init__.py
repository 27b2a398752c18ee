"""The REST API under /api/v1, made from the protos and one table."""

from typing import TYPE_CHECKING, Any

from flask_openapi3 import OpenAPI
from werkzeug.routing import BaseConverter

from services.gateway.api import docs
from services.gateway.api.operations import ProblemDetails, register
from services.gateway.api.routes import ROUTES
from services.gateway.api.streams import Streams

if TYPE_CHECKING:
    from services.gateway.app import Gateway

__all__ = ["DESCRIPTION", "SECURITY_SCHEMES", "ProblemDetails", "attach"]

DESCRIPTION = (
    "Names are those of the protos. Times are RFC 3339, money is in minor units. Lists are paged: "
    "pass `next_page_token` back as `page_token`. What creates or changes takes an "
    "`Idempotency-Key`. An `ETag` that was read may be sent back as `If-Match`. Failures are "
    "problem details (RFC 9457) that name a stable reason and every field at fault."
)

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token from POST /api/v1/token, good for five minutes.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-mekong",
        "description": "The session of a signed-in person; changes need X-CSRF-Token as well.",
    },
}


class _Id(BaseConverter):
    """A part of an address that ends before a verb: `/contacts/{id}:convert`."""

    regex = "[^/:]+"
    part_isolating = True


def attach(app: OpenAPI, gateway: "Gateway") -> None:
    """Add every operation, the OpenAPI document and the page about it to `app`."""
    app.url_map.converters["id"] = _Id
    streams = Streams(gateway.settings.watch_max, gateway.settings.watch_seconds)
    for route in ROUTES:
        register(app, gateway, route, streams)
    docs.attach(app)
