"""Texts as parts of a mail, and the dots of the whole."""

import binascii
import re
import struct
from functools import lru_cache
from typing import NamedTuple

_BARE = re.compile(r"\r\n?")
_PRINTS = b"\t\n" + bytes(range(0x20, 0x7F))
_LONGEST_LINE, _BASE64_LINE = 990, 76
_FEW = 64

Fields = list[tuple[str, str]]


class Part(NamedTuple):
    """The fields of a part's header, and its body as it is written, with its last line end."""

    fields: Fields
    header: bytes
    body: bytes
    has_spaces: bool


def text(content: str, kind: str) -> Part:
    """A text of type `text/KIND`."""
    if "\r" in content:
        content = _BARE.sub("\n", content)
    data = content.encode("utf-8", "replace")
    plain = _is_plain(content, data)
    body = data.replace(b"\n", b"\r\n")
    if not plain:
        # Quoted-printable costs five times as much, and is longer where letters have accents.
        body = base64_lines(body)
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    return Part(*_heading(kind, "7bit" if plain else "base64"), body, plain)


def base64_lines(data: bytes) -> bytes:
    """In base64, in lines of 76."""
    whole = binascii.b2a_base64(data, newline=False)
    lines, rest = divmod(len(whole), _BASE64_LINE)
    # Four times as fast as slices.
    return b"\r\n".join(_cutter(lines, rest).unpack(whole))


def written(fields: Fields) -> str:
    """Fields as a header has them."""
    return "".join([f"{name}: {value}\r\n" for name, value in fields])


def stuffed(mail: bytes) -> bytes:
    """With a second dot where a line begins with one."""
    # A single byte is found many times faster than three, and base64 has no dots.
    at = mail.find(b".")
    for _ in range(_FEW):
        if at < 0:
            return mail
        if mail[at - 1 : at] == b"\n":
            break
        at = mail.find(b".", at + 1)
    return mail.replace(b"\r\n.", b"\r\n..")


def _is_plain(content: str, data: bytes) -> bool:
    """Whether it may go as it is: ASCII that prints, in lines that every server takes."""
    return (
        content.isascii()
        and not data.translate(None, _PRINTS)
        and max(map(len, data.split(b"\n"))) <= _LONGEST_LINE
    )


@lru_cache
def _heading(kind: str, how: str) -> tuple[Fields, bytes]:
    fields = [
        ("Content-Type", f"text/{kind}; charset=utf-8"),
        ("Content-Transfer-Encoding", how),
    ]
    return fields, f"{written(fields)}\r\n".encode()


@lru_cache(maxsize=1024)
def _cutter(lines: int, rest: int) -> struct.Struct:
    return struct.Struct(f"{_BASE64_LINE}s" * lines + (f"{rest}s" if rest else ""))
