"""The REST API under /api/v1, made from the protos and one table."""

from typing import TYPE_CHECKING

from flask import Flask

from services.gateway.api import docs, limits
from services.gateway.api.operations import register
from services.gateway.api.routes import ROUTES
from services.gateway.api.streams import Streams
from services.gateway.api.table import Id

if TYPE_CHECKING:
    from services.gateway.app import Gateway


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add every operation, the OpenAPI document and the page about it to `app`."""
    app.url_map.converters["id"] = Id
    settings = gateway.settings
    streams = Streams(settings.watch_max, settings.watch_seconds, settings.session_cache_seconds)
    for route in ROUTES:
        register(app, gateway, route, streams)
    docs.attach(app)
    limits.attach(app)
