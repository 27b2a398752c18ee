"""The web interface for staff."""

from typing import TYPE_CHECKING

from flask_openapi3 import OpenAPI

if TYPE_CHECKING:
    from services.gateway.app import Gateway


def attach(app: OpenAPI, gateway: "Gateway") -> None:
    """Add the pages of the web interface to `app`."""
