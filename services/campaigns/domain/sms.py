"""How an SMS is encoded and how many segments it takes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gsm0338 import Codec

_ALONE = {"gsm7": 160, "ucs2": 70}
_CONCATENATED = {"gsm7": 153, "ucs2": 67}


@dataclass(frozen=True)
class Shape:
    """The encoding of a text and its number of segments (0 for an empty text)."""

    encoding: Literal["gsm7", "ucs2"]
    segments: int


def _septets() -> dict[str, int]:
    codec = Codec()
    found: dict[str, int] = {}
    for code in range(0x2200):
        try:
            found[chr(code)] = len(codec.encode(chr(code))[0])
        except UnicodeEncodeError:
            continue
    found.pop("\x1b", None)  # the escape itself is no character
    return found


_SEPTETS = _septets()


def shape(text: str) -> Shape:
    """Return how `text` would be sent: GSM 03.38 if every character is in it, else UCS-2.

    A character that takes two units (`€`, an emoji) is never split between segments.
    """
    if all(character in _SEPTETS for character in text):
        return Shape("gsm7", _segments("gsm7", (_SEPTETS[it] for it in text)))
    return Shape("ucs2", _segments("ucs2", (2 if ord(it) > 0xFFFF else 1 for it in text)))


def _segments(encoding: str, sizes: Iterable[int]) -> int:
    units = list(sizes)
    if sum(units) <= _ALONE[encoding]:
        return 1 if units else 0
    room = _CONCATENATED[encoding]
    segments, used = 1, 0
    for size in units:
        if used + size > room:
            segments, used = segments + 1, 0
        used += size
    return segments
