"""How a text becomes the parts of an SMS: alphabet, length, and the header that joins them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import gsm0338

GSM7, UCS2 = 0, 8
_SINGLE = {GSM7: 160, UCS2: 70}
_JOINED = {GSM7: 153, UCS2: 67}
MOST_PARTS = 10

_codec = gsm0338.Codec()


@dataclass(frozen=True)
class Encoded:
    """The parts as they go into submit_sm; `joined` when each begins with a header."""

    data_coding: int
    parts: tuple[bytes, ...]
    joined: bool


@dataclass(frozen=True)
class Size:
    """In which alphabet a text goes, and in how many parts."""

    encoding: Literal["gsm7", "ucs2"]
    parts: int


class TooLong(Exception):
    """The text needs more parts than a message may have."""


def encode(text: str, reference: int) -> Encoded:
    """GSM 03.38 where its letters suffice, UCS-2 otherwise; `reference` joins the parts (0-255).

    Raises `TooLong` above `MOST_PARTS` parts.
    """
    coding, units = _units(text)
    if len(units) == 1 or sum(map(_length(coding), units)) <= _SINGLE[coding]:
        return Encoded(coding, (b"".join(units),), joined=False)
    chunks = _split(units, coding)
    if len(chunks) > MOST_PARTS:
        raise TooLong(f"{len(chunks)} parts")
    header = bytes((5, 0, 3, reference & 0xFF, len(chunks)))
    parts = tuple(header + bytes((n,)) + chunk for n, chunk in enumerate(chunks, start=1))
    return Encoded(coding, parts, joined=True)


def size(text: str) -> Size:
    """What `encode` would make of a text, however long; an empty one has no part."""
    coding, units = _units(text)
    length = sum(map(_length(coding), units))
    parts = 1 if length <= _SINGLE[coding] else len(_split(units, coding))
    return Size("gsm7" if coding == GSM7 else "ucs2", parts if units else 0)


def _units(text: str) -> tuple[int, list[bytes]]:
    """The characters, each with all its bytes, so that no part ends within one."""
    try:
        return GSM7, [_gsm(letter) for letter in text]
    except UnicodeEncodeError:
        return UCS2, [letter.encode("utf-16-be") for letter in text]


@lru_cache(maxsize=512)
def _gsm(letter: str) -> bytes:
    encoded: bytes = _codec.encode(letter)[0]
    return encoded


def _length(coding: int) -> Callable[[bytes], int]:
    return len if coding == GSM7 else lambda unit: len(unit) // 2


def _split(units: list[bytes], coding: int) -> list[bytes]:
    length = _length(coding)
    chunks: list[bytes] = []
    current: list[bytes] = []
    used = 0
    for unit in units:
        if used + length(unit) > _JOINED[coding]:
            chunks.append(b"".join(current))
            current, used = [], 0
        current.append(unit)
        used += length(unit)
    chunks.append(b"".join(current))
    return chunks
