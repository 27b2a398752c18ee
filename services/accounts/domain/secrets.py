"""Secrets of 256 random bits, and what is kept of them."""

import hashlib
import hmac
import secrets


def new() -> str:
    """Returns a fresh secret of 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Returns the SHA-256 of a secret; enough for 256 random bits, unlike for a password."""
    return hashlib.sha256(secret.encode()).digest()


def matches(secret: str, kept: bytes) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(digest(secret), kept)
