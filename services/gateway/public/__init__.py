"""What customers open without signing in."""

from typing import TYPE_CHECKING

from flask import Flask

from services.gateway.public import unsubscribe

if TYPE_CHECKING:
    from services.gateway.app import Gateway


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add the public pages to `app`."""
    unsubscribe.attach(app, gateway)
