"""What customers open without signing in."""

from typing import TYPE_CHECKING

from flask_openapi3 import OpenAPI

from services.gateway.public import unsubscribe

if TYPE_CHECKING:
    from services.gateway.app import Gateway


def attach(app: OpenAPI, gateway: "Gateway") -> None:
    """Add the public pages to `app`."""
    unsubscribe.attach(app, gateway)
