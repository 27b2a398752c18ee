"""Seals small values with AES-256-GCM, bound to the thing they belong to, under keys that turn."""

import base64
import binascii
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = "\x01"
"""Begins a sealed text; no text that people write has it."""

_KEY, _NONCE = 32, 12
_NOTHING_SEALS = "-"
_LOOK_SECONDS = 2.0
_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")

log = structlog.get_logger()


class SealBroken(Exception):
    """The bytes were sealed with another key, for another thing, or were changed."""


class KeysUnreadable(Exception):
    """A file of keys is not there or is none."""


def new_key() -> bytes:
    """Returns 32 random bytes."""
    return AESGCM.generate_key(bit_length=256)


def seal(key: bytes, plain: bytes, belongs_to: str | bytes) -> bytes:
    """Returns nonce and ciphertext that only open with the same `key` and `belongs_to`."""
    return _sealed(AESGCM(key), plain, belongs_to)


def unseal(key: bytes, sealed: bytes, belongs_to: str | bytes) -> bytes:
    """Returns what was sealed; raises `SealBroken` when key, owner or bytes differ."""
    return _opened(AESGCM(key), sealed, belongs_to)


class Keys:
    """The keys of a file, read again when it changes: the first seals, the others still open.

    A line has an id and 32 bytes in base64. Without a file texts stay as they are; below a line
    `-` keys open and none seals yet.
    """

    def __init__(
        self, path: Path | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises `KeysUnreadable`."""
        self._path = path
        self._clock = clock
        self._looked_at = clock()
        self._seen = _stamp(path)
        self._keys = _read(path)

    @property
    def newest(self) -> str:
        """The id of the key that seals, empty without one."""
        self._look()
        first = next(iter(self._keys), "")
        return first if self._keys.get(first) else ""

    def seal(self, text: str, belongs_to: str) -> str:
        """Returns a text sealed by the newest key; an empty one, or without a key, as it is."""
        newest = self.newest if text else ""
        cipher = self._keys.get(newest)
        if cipher is None:
            return text
        sealed = _sealed(cipher, text.encode(), belongs_to)
        return f"{MARK}{newest}{MARK}{base64.b64encode(sealed).decode()}"

    def open(self, text: str, belongs_to: str) -> str:
        """Returns what was sealed, and a text that is not sealed as it is; raises `SealBroken`."""
        if not text.startswith(MARK):
            return text
        self._look()
        _, named, sealed = text.split(MARK, 2)
        cipher = self._keys.get(named)
        if cipher is None:
            raise SealBroken(f"key {named}")
        try:
            raw = base64.b64decode(sealed, validate=True)
        except binascii.Error:
            raise SealBroken(belongs_to.partition("/")[0]) from None
        return _opened(cipher, raw, belongs_to).decode()

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            seen = _stamp(self._path)
            if seen != self._seen:
                self._keys = _read(self._path)
                self._seen = seen
                log.info("keys_read", keys=list(self._keys))
        except KeysUnreadable as trouble:
            # What was read before still opens all there is.
            log.error("keys_unreadable", error=str(trouble))


def lines(secret: str) -> list[str]:
    """Returns the keys of a setting that has one a line: the first seals, the others still open."""
    return [it.strip() for it in secret.splitlines() if it.strip()] or [secret]


def key_of(text: str) -> str:
    """Returns the id of the key that sealed a text, empty for one that is not sealed."""
    return text.split(MARK, 2)[1] if text.startswith(MARK) else ""


def _sealed(cipher: AESGCM, plain: bytes, belongs_to: str | bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, plain, _bound(belongs_to))


def _opened(cipher: AESGCM, sealed: bytes, belongs_to: str | bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(belongs_to))
    except (InvalidTag, ValueError):
        kind = belongs_to.partition("/")[0] if isinstance(belongs_to, str) else "bytes"
        raise SealBroken(kind) from None


def _bound(belongs_to: str | bytes) -> bytes:
    return belongs_to.encode() if isinstance(belongs_to, str) else belongs_to


def _key(text: str, number: int) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY:
        raise KeysUnreadable(f"line {number}: not {_KEY} bytes in base64")
    return key


def _stamp(path: Path | None) -> tuple[int, int, int]:
    if path is None:
        return 0, 0, 0
    try:
        found = path.stat()
    except OSError as trouble:
        raise KeysUnreadable(f"{type(trouble).__name__}") from None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path | None) -> Mapping[str, AESGCM | None]:
    if path is None:
        return {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as trouble:
        raise KeysUnreadable(f"{type(trouble).__name__}") from None
    found: dict[str, AESGCM | None] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        named, _, key = line.strip().partition(" ")
        if line.strip() == _NOTHING_SEALS and not found:
            found[named] = None
            continue
        if not _ID.fullmatch(named) or named in found:
            raise KeysUnreadable(f"line {number}: no id, or one that was there before")
        found[named] = AESGCM(_key(key.strip(), number))
    if not any(found.values()):
        raise KeysUnreadable("no key")
    return found
