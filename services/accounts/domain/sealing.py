"""Seals small secrets with AES-256-GCM, bound to the thing they belong to."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class SealBroken(Exception):
    """The bytes were sealed with another key, for another thing, or were changed."""


def new_key() -> bytes:
    """Returns 32 random bytes."""
    return AESGCM.generate_key(bit_length=256)


def seal(key: bytes, plain: bytes, belongs_to: str) -> bytes:
    """Returns nonce and ciphertext that only open with the same `key` and `belongs_to`."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, belongs_to.encode())


def unseal(key: bytes, sealed: bytes, belongs_to: str) -> bytes:
    """Returns what was sealed; raises `SealBroken` when key, owner or bytes differ."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], belongs_to.encode())
    except (InvalidTag, ValueError):
        raise SealBroken(belongs_to.partition("/")[0]) from None
