"""The portal: what customers see and do of their own."""

from typing import TYPE_CHECKING

from flask import Flask

from services.gateway.portal import pages

if TYPE_CHECKING:
    from services.gateway.app import Gateway


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add the portal to `app`."""
    pages.attach(app, gateway)
