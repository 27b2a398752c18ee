"""Who sends a request to sign in, as accounts is told, and how long they wait who may not yet."""

from flask import request

from chassis import errors


def agent() -> str:
    """Return what the browser says it is."""
    return request.headers.get("User-Agent", "")


def ip() -> str:
    """Return the browser's network address."""
    return request.remote_addr or ""


def minutes(refused: errors.ResourceExhausted) -> int:
    """Return how long to wait, 1 for less."""
    return max(1, round((refused.retry_after_seconds or 60) / 60))
