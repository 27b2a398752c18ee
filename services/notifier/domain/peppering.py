"""Addresses of erased people as keyed hashes: known when they come again, and no way back."""

import hashlib
import hmac

from services.notifier.domain.states import Channel

_MARK = "erased:"


def hashed(secret: bytes, channel: Channel, address_key: str) -> str:
    """The keyed hash that stands for an address as compared; "" without a secret."""
    if not secret:
        return ""
    said = b"\x00".join((b"erased", channel.name.encode(), address_key.encode()))
    return _MARK + hmac.new(secret, said, hashlib.sha256).hexdigest()


def known_by(secret: bytes, address_key: str) -> list[str]:
    """What an address is kept under: as it is, and by its hash; nothing of no address."""
    if not address_key:
        return []
    channel = Channel.EMAIL if "@" in address_key else Channel.SMS
    return [address_key, hashed(secret, channel, address_key)]
