"""The identities of our own services, from a file that an operator may change at any time."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from chassis import errors
from services.accounts.domain import secrets

_HASH = re.compile(r"[0-9a-f]{64}")


class Identities:
    """The last good contents of the file: service name to SHA-256 of its secret."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hashes: Mapping[str, bytes] = {}
        self._read_at: tuple[int, int] | None = None

    async def check(self) -> None:
        """Readiness: raises `Unavailable` until the file was read once."""
        if self._read_at is None:
            raise errors.Unavailable("IDENTITIES_UNREAD", "service_clients_file is not read yet")

    def refresh(self) -> bool:
        """Reads the file if it changed; returns True then.

        Raises `OSError` or `ValueError` and keeps what it had when the file cannot be used.
        """
        found = self._path.stat()
        stamp = found.st_mtime_ns, found.st_ino
        if stamp == self._read_at:
            return False
        self._hashes = parse(self._path.read_text(encoding="utf-8"))
        self._read_at = stamp
        return True

    def knows(self, name: str) -> bool:
        """Returns True if `name` is a service of this installation."""
        return name in self._hashes

    def prove(self, name: str, secret: str) -> bool:
        """Returns True if `secret` is that of the service `name`."""
        return secrets.matches(secret, self._hashes.get(name, bytes(32)))


def parse(text: str) -> dict[str, bytes]:
    """Returns the hashes of the file's text; raises `ValueError` that names a wrong entry."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("not an object of names and hashes")
    for name, value in found.items():
        if not isinstance(value, str) or not _HASH.fullmatch(value):
            raise ValueError(f"{name}: not a SHA-256 in hexadecimal")
    return {name: bytes.fromhex(value) for name, value in found.items()}
