"""Header values: no value can begin a header, none has a line that is too long."""

import binascii
import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_PLAIN = re.compile(r"[\x20-\x7e]*")
_WORD_BYTES = 45


def encoded(value: str) -> str:
    """A header value: as it is when short ASCII, otherwise RFC 2047 words, folded.

    Line breaks and other controls become spaces, so that no value can begin a header.
    """
    value = clean(value)
    if len(value) <= 66 and _PLAIN.fullmatch(value) and "=?" not in value:
        return value
    data = value.encode("utf-8", "replace")
    words: list[str] = []
    start = 0
    while start < len(data) or not words:
        end = min(start + _WORD_BYTES, len(data))
        # No word may end within a letter: its continuing bytes are 10xxxxxx.
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(_word(data[start:end]))
        start = end
    return "\r\n ".join(words)


def clean(value: str) -> str:
    """On one line, without controls."""
    # What prints has none of the letters that would have to go.
    return (value if value.isprintable() else _CONTROL.sub(" ", value)).strip()


def mailbox(name: str, address: str) -> str:
    """An address with its name, if it has one."""
    address = clean(address)
    name = clean(name)
    if not name:
        return address
    if re.fullmatch(r"[A-Za-z0-9 ]{1,60}", name):
        return f"{name} <{address}>"
    # Always encoded words, since quotes and commas mean something in a mailbox.
    plain = encoded(name)
    words = plain if plain.startswith("=?") else _word(name.encode())
    return f"{words} <{address}>"


def _word(chunk: bytes) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(chunk, newline=False).decode()}?="
