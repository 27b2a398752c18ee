"""Who sends a request to sign in, as accounts is told, and how long they wait who may not yet."""

from collections.abc import Callable

from flask import request

from chassis import errors

_SOON = 5
"""Seconds; that soon, many sign in at once, and nobody has failed."""


def agent() -> str:
    """Return what the browser says it is."""
    return request.headers.get("User-Agent", "")


def ip() -> str:
    """Return the browser's network address."""
    return request.remote_addr or ""


def told_to_wait(refused: errors.ResourceExhausted, t: Callable[..., str]) -> str:
    """Return how long to wait, in the words of `t`."""
    seconds = refused.retry_after_seconds or 60
    if seconds <= _SOON:
        return t("sign_in.busy")
    return t("sign_in.too_often", minutes=max(1, round(seconds / 60)))
