"""Secrets of programs: which are good, and what a new one does to those before it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.accounts.domain import secrets
from services.accounts.domain.people import ApiClient, ClientSecret

DEFAULT_LIFETIME, LONGEST_LIFETIME = timedelta(hours=24), timedelta(days=30)
MOST_REQUESTS = 1_000_000

_NOBODYS = bytes(32)


class State(StrEnum):
    """Whether a client can get tokens."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


def state(client: ApiClient, now: datetime) -> State:
    """Returns what a client is at `now`."""
    if not client.active:
        return State.REVOKED
    if client.expire_time is not None and client.expire_time <= now:
        return State.EXPIRED
    return State.ACTIVE


def good(client: ApiClient, now: datetime) -> Sequence[ClientSecret]:
    """Returns the secrets that are good at `now`, the newest first."""
    return [it for it in client.secrets if it.expire_time is None or it.expire_time > now]


def proven(client: ApiClient | None, secret: str, now: datetime) -> ClientSecret | None:
    """Returns which of a client's secrets this is, None for none that is good.

    A client that does not exist is compared with nothing, which takes as long.
    """
    if client is None:
        secrets.matches(secret, _NOBODYS)
        return None
    found = [it for it in good(client, now) if secrets.matches(secret, it.hash)]
    return found[0] if found and state(client, now) is State.ACTIVE else None


def rotated(
    client: ApiClient, digest: bytes, now: datetime, lifetime: timedelta
) -> Sequence[ClientSecret]:
    """Returns the secrets after a new one: it, and the one in use until `lifetime` has passed.

    The one in use is the newest, unless nobody has used that yet and the one before is still
    good: so that a new secret that got lost on its way costs a program nothing.
    """
    newest, *earlier = good(client, now)
    in_use = earlier[0] if earlier and newest.last_use_time is None else newest
    fresh = ClientSecret(digest, now, None)
    if not lifetime:
        return [fresh]
    return [fresh, replace(in_use, expire_time=now + lifetime)]
