"""Addresses of the bundled assets, whose names carry a hash of their contents."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import structlog
from markupsafe import Markup

STATIC = Path(__file__).parent / "static"
URL = "/static"

log = structlog.get_logger()


def asset(name: str) -> str:
    """Return the address of an asset (`app.css`); raises `KeyError` for a name not built."""
    return f"{URL}/dist/{_manifest()[name]}"


def built(name: str) -> bool:
    """Whether the asset was built; pages for customers work without."""
    return name in _manifest()


def icon(name: str, label: str = "") -> Markup:
    """Return an icon of the sprite as inline SVG, hidden from screen readers without a label."""
    use = Markup('<use href="{}#{}"></use>').format(asset("icons.svg"), name)
    if label:
        return Markup('<svg class="icon" role="img" aria-label="{}">{}</svg>').format(label, use)
    return Markup('<svg class="icon" aria-hidden="true">{}</svg>').format(use)


@cache
def _manifest() -> Mapping[str, str]:
    path = STATIC / "dist" / "manifest.json"
    if not path.is_file():
        log.error("assets_not_built", path="services/gateway/static/dist")
        return {}
    names: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return names
