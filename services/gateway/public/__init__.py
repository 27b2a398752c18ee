"""What is opened without signing in: by customers, and by calendar programs."""

from typing import TYPE_CHECKING

from flask import Flask

from services.gateway.public import calendar, proposals, security, unsubscribe

if TYPE_CHECKING:
    from services.gateway.app import Gateway


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add the public addresses to `app`."""
    unsubscribe.attach(app, gateway)
    calendar.attach(app, gateway)
    proposals.attach(app, gateway)
    security.attach(app, gateway)
