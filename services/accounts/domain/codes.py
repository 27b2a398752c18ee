"""One-time codes of six digits, and what is kept of them."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from uuid import UUID

LASTS = timedelta(minutes=10)
TRIES = 5
_DIGITS = 6


def new() -> str:
    """Returns six random digits."""
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"


def digest(key: bytes, login_id: UUID, code: str) -> bytes:
    """Returns what is kept of a login's code.

    With a key that is not in the database, since six digits are soon guessed from a plain hash.
    """
    told = b"contact code\0" + login_id.bytes + code.encode()
    return hmac.new(key, told, hashlib.sha256).digest()


def typed(text: str) -> str:
    """Returns a code as it was typed, without the spaces that people and programs put in."""
    return "".join(text.split())[: 2 * _DIGITS]
