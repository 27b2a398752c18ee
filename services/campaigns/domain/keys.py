"""The one key of a message, from plan row to provider reference."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from uuid import UUID

from services.campaigns.domain.kinds import Channel

RUN_KEY_BYTES = 32

_BLOCK_BYTES = 64
_ID_BYTES = 16
_PREFIX_BYTES = 6
_MASKED_BYTES = 3
# Of the octets of a column that hold the version and the variant, with these set.
_VERSION = bytes(each & 0x0F | 0x80 for each in range(256))
_VARIANT = bytes(each & 0x3F | 0x80 for each in range(256))


def new_run_key() -> bytes:
    """Return a fresh secret key of a run: 32 random bytes."""
    return secrets.token_bytes(RUN_KEY_BYTES)


def message_id(run_key: bytes, channel: Channel, contact_id: bytes, address_key: str) -> UUID:
    """Return the UUIDv8 of the message to an address (as compared) of a contact in a run.

    It ends with octets 6 to 15 of HMAC-SHA-256(run key, "SMS|+84912345678") and begins with octets
    0 to 5 of the contact's id (a time, in a UUIDv7), of which the first three are masked by a
    MAC of the run; version and variant bits are set. Planning again after a crash gives each
    person the same message. People are planned by id, so that their messages lie side by side in
    every index: ids without an order made each write land on another page.
    """
    return UUID(bytes=message_ids(run_key, channel)([contact_id], [address_key])[0])


def message_ids(
    run_key: bytes, channel: Channel
) -> Callable[[Sequence[bytes], Sequence[str]], list[bytes]]:
    """Return `message_id` for a run and a channel, as 16 bytes, for a million people."""
    # HMAC by its definition (RFC 2104), so that the two blocks of the key are hashed once a run:
    # hmac.digest takes them anew for every message, and twice the time.
    block = run_key.ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(each ^ 0x36 for each in block) + f"{channel.value}|".encode())
    outer = hashlib.sha256(bytes(each ^ 0x5C for each in block))

    def of(address_key: str) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(address_key.encode())
        second.update(first.digest())
        return second.digest()[:_ID_BYTES]

    masks = [_masking(each) for each in of("")[:_MASKED_BYTES]]

    def of_all(contact_ids: Sequence[bytes], address_keys: Sequence[str]) -> list[bytes]:
        column = bytearray(b"".join(map(of, address_keys)))
        contacts = b"".join(contact_ids)
        for at in range(_PREFIX_BYTES):
            octets = contacts[at::_ID_BYTES]
            column[at::_ID_BYTES] = octets.translate(masks[at]) if at < _MASKED_BYTES else octets
        column[6::_ID_BYTES] = column[6::_ID_BYTES].translate(_VERSION)
        column[8::_ID_BYTES] = column[8::_ID_BYTES].translate(_VARIANT)
        ids = bytes(column)
        return [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)]

    return of_all


def _masking(mask: int) -> bytes:
    return bytes(each ^ mask for each in range(256))
