"""The form "relaxed" of RFC 6376, 3.4, of what our mails are made of."""

import binascii
import hashlib
import re
from collections.abc import Iterable

_SPACES = re.compile(r"[ \t]+")


def canonical(fields: Iterable[tuple[str, str]]) -> str:
    """Header fields as they are signed; their values may be folded."""
    return "".join([f"{name.lower()}:{relaxed(value)}\r\n" for name, value in fields])


def body_digest(pieces: Iterable[tuple[bytes, bool]], tail: bytes = b"") -> bytes:
    """SHA-256 of a body in base64; of each piece is said whether it may have spaces to leave out.

    Every piece ends with CRLF, and no line ends otherwise. A `tail` follows as it is; it ends with
    one CRLF.
    """
    body = b"".join([_collapsed(piece) if has_spaces else piece for piece, has_spaces in pieces])
    if tail:
        whole = hashlib.sha256(body)
        whole.update(tail)
        return binascii.b2a_base64(whole.digest(), newline=False)
    body = body.rstrip(b"\r\n")
    digest = hashlib.sha256(body)
    if body:
        digest.update(b"\r\n")
    return binascii.b2a_base64(digest.digest(), newline=False)


def relaxed(value: str) -> str:
    """The value of a field as it is signed; it may be folded."""
    if "\r" in value:
        value = value.replace("\r\n", "")
    if "  " in value or "\t" in value:
        value = _SPACES.sub(" ", value)
    return value.strip(" ")


def _collapsed(body: bytes) -> bytes:
    """One space for several, none before the end of a line."""
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    return body.replace(b" \r\n", b"\r\n")
