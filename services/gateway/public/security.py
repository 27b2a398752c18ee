"""Whom to tell of a weakness, where people look for it (RFC 9116)."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flask import Flask, Response

if TYPE_CHECKING:
    from services.gateway.app import Gateway

_HOLDS = timedelta(days=180)


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add `/.well-known/security.txt` to `app` where somebody is to be told."""
    contact, url = gateway.settings.security_contact, gateway.settings.public_url
    if not contact:
        return

    @app.get("/.well-known/security.txt", endpoint="public.security")
    def told() -> Response:
        ends = datetime.now(UTC) + _HOLDS
        lines = (
            f"Contact: {contact}",
            f"Expires: {ends:%Y-%m-%dT%H:%M:%SZ}",
            "Preferred-Languages: vi, en",
            f"Canonical: {url}/.well-known/security.txt",
        )
        return Response("".join(f"{it}\n" for it in lines), mimetype="text/plain")
