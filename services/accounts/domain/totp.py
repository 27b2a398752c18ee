"""Codes by time (RFC 6238) as authenticators show them."""

from datetime import datetime

import pyotp
from pyotp.utils import strings_equal

ISSUER = "Mekong"
STEP_SECONDS = 30
DIGITS = 6
# Clocks of telephones are a little wrong, and people type slowly.
_DRIFT = 1
_LETTERS = 32


def new_secret() -> str:
    """Returns 160 random bits in base 32."""
    return pyotp.random_base32(_LETTERS)


def uri(secret: str, account: str) -> str:
    """Returns the address that an authenticator reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)


def is_code(text: str) -> bool:
    """Returns True for six digits."""
    return len(text) == DIGITS and text.isascii() and text.isdigit()


def accepted_step(secret: str, code: str, now: datetime, after: int) -> int | None:
    """Returns the step of time that `code` is of, one of drift each way; None if it is of none.

    Steps up to `after` were used before: no code is accepted twice. Takes as long for a wrong one.
    """
    current = int(now.timestamp()) // STEP_SECONDS
    found = None
    for step in range(current - _DRIFT, current + _DRIFT + 1):
        matches = strings_equal(pyotp.TOTP(secret).generate_otp(step), code)
        if matches and step > after:
            found = step
    return found
