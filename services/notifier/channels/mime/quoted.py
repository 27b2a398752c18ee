"""Quoted-printable in pieces that can be put behind each other in any order.

Each piece begins at the beginning of a line and ends with one that goes on. No line begins with a
dot or with "From ", none has two spaces in a row or one at its end: nothing has to be stuffed, and
a signature's canonical form is the text itself.
"""

from functools import lru_cache

_LONGEST_LINE = 73  # and the sign that the line goes on, or a space that has to be written out
_GOES_ON = b"=\r\n"
# What stands for itself: ASCII that prints, but for the sign itself.
_PLAIN = {chr(code): bytes([code]) for code in range(0x21, 0x7F) if code != ord("=")}


def quoted(text: str) -> bytes:
    """A text that more may follow; its lines end with LF, and are written with CRLF."""
    written: list[bytes] = []
    column = 0
    for letter in text:
        if letter == "\n":
            _keep_space(written)
            written.append(b"\r\n")
            column = 0
            continue
        code = _code(letter, written, column)
        if column + len(code) > _LONGEST_LINE:
            written.append(_GOES_ON)
            code, column = _code(letter, written, 0), 0
        written.append(code)
        column += len(code)
    if column:
        written.append(_GOES_ON)
    return b"".join(written)


def _code(letter: str, written: list[bytes], column: int) -> bytes:
    """How a letter is written at a place of a line."""
    if letter == " ":
        return b"=20" if written and written[-1] == b" " else b" "
    if column == 0 and letter in ".F":
        return b"=%02X" % ord(letter)
    plain = _PLAIN.get(letter)
    return plain if plain is not None else _bytes(letter)


def _keep_space(written: list[bytes]) -> None:
    """Has a space at the end of a line survive every reader."""
    if written and written[-1] == b" ":
        written[-1] = b"=20"


@lru_cache(2_048)
def _bytes(letter: str) -> bytes:
    return b"".join([b"=%02X" % code for code in letter.encode("utf-8", "replace")])
