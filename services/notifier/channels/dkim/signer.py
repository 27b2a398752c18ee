"""Signatures of RFC 6376 and RFC 8463 by the keys of one domain."""

import binascii
from collections.abc import Callable, Sequence
from typing import NamedTuple

_LINE = 72


class Key(NamedTuple):
    """One private key of a domain; `sign` takes the header as canonicalised."""

    domain: str
    selector: str
    algorithm: str
    sign: Callable[[bytes], bytes]
    slow: bool


class Signer:
    """Makes a signature with each key."""

    def __init__(self, keys: Sequence[Key]) -> None:
        """The keys of one domain."""
        self.slow = any(key.slow for key in keys)
        self._keys = keys
        self._openings: dict[tuple[str, ...], list[tuple[bytes, bytes]]] = {}

    def __call__(self, names: tuple[str, ...], fields: bytes, digest: bytes) -> bytes:
        """The header fields to put before a mail.

        `fields` are those with these names as `canonical` has them, one each and From among them;
        `digest` is that of `body_digest`.
        """
        openings = self._openings.get(names)
        if openings is None:
            openings = self._openings[names] = [_opening(key, names) for key in self._keys]
        written = []
        for key, (opening, signed) in zip(self._keys, openings, strict=True):
            signature = key.sign(b"".join([fields, signed, digest, b"; b="]))
            text = binascii.b2a_base64(signature, newline=False)
            lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
            written += [opening, digest, b";\r\n b=", b"\r\n ".join(lines), b"\r\n"]
        return b"".join(written)


def _opening(key: Key, names: Sequence[str]) -> tuple[bytes, bytes]:
    """The field up to the body's digest: as written, and as it is signed."""
    # From once more than there is one: nobody can add a second under the signature.
    signed = [name.lower() for name in [*names, "From"]]
    half = len(signed) // 2
    lines = f"{':'.join(signed[:half])}:\r\n {':'.join(signed[half:])}"
    who = f"v=1; a={key.algorithm}; c=relaxed/relaxed; d={key.domain};\r\n s={key.selector};"
    value = f"{who} h={lines};\r\n bh="
    folded = value.replace("\r\n", "")
    return f"DKIM-Signature: {value}".encode(), f"dkim-signature:{folded}".encode()
