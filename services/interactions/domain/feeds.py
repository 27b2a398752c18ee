"""Calendar feeds: a secret address each, of which a hash is kept."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from chassis.errors import ResourceExhausted
from services.interactions.domain.calendar import Entry, Span
from services.interactions.domain.follow_ups import Type

LONGEST_NAME = 80
MOST = 20
BACK, AHEAD = timedelta(days=90), timedelta(days=365)
MOST_ENTRIES = 2_000

_FORM = "1"
"""Counts up when what is made of the same follow-ups changes."""


@dataclass(frozen=True)
class Feed:
    """A feed as it is kept; `content_etag` is of what it showed last, from `change_time` on."""

    id: UUID
    owner_id: UUID
    name: str
    types: tuple[Type, ...]
    create_time: datetime
    last_read_time: datetime | None
    content_etag: str
    change_time: datetime


def new_token() -> str:
    """Returns a fresh secret of 256 random bits in 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """Returns what is kept of a token; enough for random bits, unlike for a password."""
    return hashlib.sha256(token.encode()).digest()


def path(token: str) -> str:
    """Returns the address below that of the gateway."""
    return f"/calendar/{token}.ics"


def window(now: datetime) -> Span:
    """Returns what a feed shows; it moves once a day, so that contents stay the same between."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Span(today - BACK, today + AHEAD)


def etag(name: str, entries: Sequence[Entry], contacts: Mapping[UUID, str]) -> str:
    """Returns the tag of what a feed shows, without making it."""
    shown = [_FORM, name]
    for it in entries:
        contact = contacts.get(it.contact_id, "") if it.contact_id else ""
        shown += [str(it.id), str(it.revision), contact]
    return hashlib.sha256("\x00".join(shown).encode()).hexdigest()[:32]


def must_have_room(feeds: Sequence[Feed]) -> None:
    """Raises `ResourceExhausted` when an owner has as many as anybody may have."""
    if len(feeds) >= MOST:
        raise ResourceExhausted("TOO_LARGE", f"{MOST} feeds already; revoke one first", limit=MOST)
