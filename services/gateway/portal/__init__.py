"""The portal: what customers who signed in see and do."""

from typing import TYPE_CHECKING

from flask import Flask

from services.gateway.portal import pages

if TYPE_CHECKING:
    from services.gateway.app import Gateway

__all__ = ["attach", "problem_page"]

problem_page = pages.problem_page


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add the portal to `app`."""
    pages.attach(app, gateway)
