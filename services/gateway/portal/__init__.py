"""The portal: what customers see and do of their own, and how they sign in."""

from typing import TYPE_CHECKING

from flask import Flask, Response, request

from services.gateway import languages
from services.gateway.portal import pages, sign_in

if TYPE_CHECKING:
    from services.gateway.app import Gateway


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add the portal's pages to `app`."""
    sign_in.attach(app, gateway)
    pages.attach(app, gateway)

    @app.after_request
    def keep_language(response: Response) -> Response:
        if (request.endpoint or "").startswith(("portal.", "my.")):
            languages.keep_asked(request, response, secure=gateway.settings.cookie_secure)
        return response
