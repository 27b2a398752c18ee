"""The one key of a message, from plan row to provider reference."""

import hashlib
import hmac
import secrets
from uuid import UUID

from services.campaigns.domain.kinds import Channel

RUN_KEY_BYTES = 32

_VERSION_8 = 0x8 << 76
_VARIANT = 0b10 << 62
_CLEAR = ~((0xF << 76) | (0b11 << 62))


def new_run_key() -> bytes:
    """Return a fresh secret key of a run: 32 random bytes."""
    return secrets.token_bytes(RUN_KEY_BYTES)


def message_id(run_key: bytes, channel: Channel, address_key: str) -> UUID:
    """Return the UUIDv8 of the message to an address (as compared) of a run.

    It is HMAC-SHA-256(run key, "SMS|+84912345678") cut to 128 bits with the version and variant
    bits set, so that planning again after a crash gives each person the same message.
    """
    text = f"{channel.value}|{address_key}".encode()
    number = int.from_bytes(hmac.digest(run_key, text, hashlib.sha256)[:16], "big")
    return UUID(int=number & _CLEAR | _VERSION_8 | _VARIANT)
