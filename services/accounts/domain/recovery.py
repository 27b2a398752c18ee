"""Recovery codes, each of which stands in for an authenticator once."""

import base64
import os

from services.accounts.domain import secrets

COUNT = 10
# 120 random bits, so that a plain hash is enough (ASVS 5.0, 6.5.2).
_BYTES = 15
_LETTERS = 24
_GROUP = 4


def new_codes() -> list[str]:
    """Returns fresh codes as people read them: six groups of four letters and digits."""
    return [_grouped(base64.b32encode(os.urandom(_BYTES)).decode().lower()) for _ in range(COUNT)]


def digest(code: str) -> bytes:
    """Returns what is kept of a code, however it was typed."""
    return secrets.digest(_plain(code))


def is_code(text: str) -> bool:
    """Returns True for what has as many letters as a code."""
    return len(_plain(text)) == _LETTERS


def _plain(text: str) -> str:
    return "".join(it for it in text.lower() if it.isalnum())


def _grouped(letters: str) -> str:
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP))
