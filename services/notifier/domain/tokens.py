"""Links and return paths that only we can make: each carries a MAC."""

import base64
import binascii
import hashlib
import hmac
import struct
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import Key

_LINK = struct.Struct(">16sIBB16s")
_SAFE = bytes.maketrans(b"+/", b"-_")
_MAC_BYTES = 16
LINK_LENGTH = 72
"""Characters of the token of a link."""
_PATH_MAC_BYTES = 10


class Link(NamedTuple):
    """What an unsubscribe link names."""

    key: Key
    channel: Channel
    purpose: Purpose
    advertiser_id: UUID


def link_token(link: Link, secret: bytes) -> str:
    """The token of an unsubscribe link: 72 characters safe in a URL."""
    body = _LINK.pack(
        link.key.message_id.bytes,
        link.key.run_date.toordinal(),
        link.channel,
        link.purpose,
        link.advertiser_id.bytes,
    )
    mac = _mac(b"unsubscribe", body, secret)[:_MAC_BYTES]
    # Of 54 bytes: nothing has to be filled up.
    return binascii.b2a_base64(body + mac, newline=False).translate(_SAFE).decode()


def read_link(token: str, secret: bytes) -> Link | None:
    """What `link_token` made the token of; None when it was not us."""
    if len(token) > 200 or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) != _LINK.size:
        return None
    if not hmac.compare_digest(mac, _mac(b"unsubscribe", body, secret)[:_MAC_BYTES]):
        return None
    message_id, day, channel, purpose, advertiser = _LINK.unpack(body)
    key = Key(date.fromordinal(day), UUID(bytes=message_id))
    return Link(key, Channel(channel), Purpose(purpose), UUID(bytes=advertiser))


def return_path(key: Key, domain: str, secret: bytes) -> str:
    """The envelope sender of one message, so that its bounce names it and cannot be forged."""
    body = key.message_id.bytes + struct.pack(">I", key.run_date.toordinal())
    mac = _mac(b"return path", body, secret)[:_PATH_MAC_BYTES]
    return f"b-{(body + mac).hex()}@{domain}"


def read_return_path(address: str, secret: bytes) -> Key | None:
    """The message an address of `return_path` belongs to; None when it was not us."""
    local = address.partition("@")[0].lower()
    if not local.startswith("b-"):
        return None
    try:
        raw = bytes.fromhex(local[2:])
    except ValueError:
        return None
    body, mac = raw[:-_PATH_MAC_BYTES], raw[-_PATH_MAC_BYTES:]
    if len(body) != 20:
        return None
    if not hmac.compare_digest(mac, _mac(b"return path", body, secret)[:_PATH_MAC_BYTES]):
        return None
    day = struct.unpack(">I", body[16:])[0]
    return Key(date.fromordinal(day), UUID(bytes=body[:16]))


def _mac(use: bytes, body: bytes, secret: bytes) -> bytes:
    # Keyed BLAKE2b is a MAC by itself, at a fifth of what HMAC costs for so little text; what it
    # makes of the key is half of that.
    mac = _keyed(use, secret).copy()
    mac.update(body)
    return mac.digest()


@lru_cache(maxsize=16)
def _keyed(use: bytes, secret: bytes) -> "hashlib.blake2b":
    key = hashlib.sha256(secret).digest()
    return hashlib.blake2b(digest_size=_MAC_BYTES, key=key, person=use)
