"""One-time codes of six digits, and what is kept of them."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from uuid import UUID

LASTS = timedelta(minutes=10)
TRIES = 5
_DIGITS = 6
_FOR = " for "
SECRET_LEAST, SECRET_MOST = 16, 100
"""How long the secret is of the browser that asks for a code."""


def new() -> str:
    """Returns six random digits."""
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"


def digest(key: bytes, login_id: UUID, code: str) -> bytes:
    """Returns what is kept of a login's code.

    With a key that is not in the database, since six digits are soon guessed from a plain hash.
    """
    told = b"contact code\0" + login_id.bytes + code.encode()
    return hmac.new(key, told, hashlib.sha256).digest()


def asked(address_key: str, browser_hash: bytes) -> str:
    """Names who asked for a code: by which address, in which browser."""
    return f"{address_key}{_FOR}{browser_hash.hex()}"


def asker(named: str) -> tuple[str, bytes]:
    """Returns address and browser of a name."""
    address_key, told, browser = named.rpartition(_FOR)
    return (address_key, bytes.fromhex(browser)) if told else (named, b"")


def typed(text: str) -> str:
    """Returns a code as it was typed, without the spaces that people and programs put in."""
    return "".join(text.split())[: 2 * _DIGITS]
