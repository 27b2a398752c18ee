"""The one key of a message, from plan row to provider reference."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from uuid import UUID

from services.campaigns.domain.kinds import Channel

RUN_KEY_BYTES = 32


def new_run_key() -> bytes:
    """Return a fresh secret key of a run: 32 random bytes."""
    return secrets.token_bytes(RUN_KEY_BYTES)


def message_id(run_key: bytes, channel: Channel, address_key: str) -> UUID:
    """Return the UUIDv8 of the message to an address (as compared) of a run.

    It is HMAC-SHA-256(run key, "SMS|+84912345678") cut to 128 bits with the version and variant
    bits set, so that planning again after a crash gives each person the same message.
    """
    return UUID(bytes=message_ids(run_key, channel)(address_key))


def message_ids(run_key: bytes, channel: Channel) -> Callable[[str], bytes]:
    """Return `message_id` for a run and a channel, as 16 bytes, for a million addresses."""
    prefix = f"{channel.value}|"

    def of(address_key: str) -> bytes:
        digest = hmac.digest(run_key, (prefix + address_key).encode(), hashlib.sha256)
        version, variant = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
        return digest[:6] + bytes((version, digest[7], variant)) + digest[9:16]

    return of
