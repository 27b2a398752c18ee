"""The secrets of one installation, made once and kept in files that only their owner reads."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

SERVICE_CLIENTS = ("leads", "interactions", "campaigns", "notifier", "gateway", "demo")


class Secrets:
    """Files in `directory` (mode 0700), each made at its first use (mode 0600)."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
        self.directory = directory

    def file(self, name: str) -> Path:
        """Return the file of a secret of 256 random bits in URL-safe letters."""
        return self._made(name, lambda: secrets.token_urlsafe(32))

    def text(self, name: str) -> str:
        """Return the secret itself."""
        return self.file(name).read_text()

    def encryption_key_file(self, name: str) -> Path:
        """Return the file of 32 random bytes in base64."""
        return self._made(name, lambda: base64.b64encode(secrets.token_bytes(32)).decode())

    def service_clients_file(self) -> Path:
        """Return the file {service: SHA-256 of its secret, in hex}, which accounts reads."""
        hashes = {
            name: hashlib.sha256(self.text(f"client_{name}").encode()).hexdigest()
            for name in SERVICE_CLIENTS
        }
        path = self.directory / "service_clients.json"
        wanted = json.dumps(hashes, indent=2)
        if not path.exists() or path.read_text() != wanted:
            _write(path, wanted)
        return path

    def _made(self, name: str, make: Callable[[], str]) -> Path:
        path = self.directory / name
        if not path.exists():
            _write(path, make())
        return path


def _write(path: Path, text: str) -> None:
    """Write a private file whole or not at all."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    fresh.replace(path)
