"""Text as people type it: cleaned, folded for search, and keyed for Vietnamese order."""

import functools
import re
import unicodedata

from services.addresses import is_address

_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

# The alphabet, with the letters Vietnamese lacks where its readers look for them.
_ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_LETTER_KEYS = {letter: chr(ord("A") + place) for place, letter in enumerate(_ALPHABET)}
# Level, huyền, hỏi, ngã, sắc, nặng: the order of Vietnamese dictionaries.
_TONES = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}
_SHAPES = "\u0302\u0306\u031b"  # circumflex, breve, horn: they make another letter
_SHORTER_FIRST = "!"


def line(value: str) -> str:
    """Return one line in NFC without outer and repeated white space."""
    if value.isascii() and value.isalnum():
        return value
    return _SPACES.sub(" ", unicodedata.normalize("NFC", value)).strip()


def paragraphs(value: str) -> str:
    """Return text in NFC with its line breaks kept."""
    if value.isascii() and "\r" not in value:
        return value.strip()
    return unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()


def is_clean(value: str) -> bool:
    """Return False for characters that no text of a person holds, such as NUL."""
    return _CONTROL.search(value) is None


def fold(value: str) -> str:
    """Return lower case without accents; the database's function `fold` does the same."""
    if value.isascii():
        return value.lower()
    decomposed = unicodedata.normalize("NFD", value.replace("đ", "d").replace("Đ", "D"))
    return "".join([it for it in decomposed if not unicodedata.combining(it)]).lower()


_VIETNAMESE = str.maketrans(
    {
        letter: fold(letter)
        for letter in map(chr, range(0xC0, 0x1EFA))
        if unicodedata.normalize("NFD", letter.lower())[0] in "aeiouyd"
        and set(unicodedata.normalize("NFD", letter)[1:]) <= {*_TONES, *_SHAPES}
    }
    | {"đ": "d", "Đ": "D"}
)


def fold_surely(value: str) -> str | None:
    """As `fold`, for text in the letters of Vietnamese; None for any other.

    Where it answers, the database's function does not need to be asked.
    """
    if not value.isascii():
        value = " ".join([it if it.isascii() else _folded_word(it) for it in value.split(" ")])
    return value.lower() if value.isascii() else None


@functools.lru_cache(maxsize=16_384)
def _folded_word(word: str) -> str:
    return word.translate(_VIETNAMESE)


def sort_key(family_name: str, given_name: str, display_name: str) -> str:
    """Return the key by which Vietnamese lists order names, compared byte by byte.

    The last word (the name people use) counts first, then the middle ones, then the family's.
    Who is only shown by an address has an empty one: the order tells nothing of addresses.
    """
    called = "" if is_address(display_name) else display_name
    words = (f"{family_name} {given_name}" if given_name else called).split()
    turned = [*words[-1:], *words[1:-1], *words[: 1 if len(words) > 1 else 0]]
    return " ".join(_word_key(word) for word in turned)


@functools.lru_cache(maxsize=16_384)  # a million people share a few thousand words
def _word_key(word: str) -> str:
    """Letters first, the tone of the syllable last: "an" < "án" < "anh"."""
    keys: list[str] = []
    tones: list[str] = []
    for letter in unicodedata.normalize("NFC", word.lower()):
        key = _LETTER_KEYS.get(letter)
        if key is None:
            key, tone = _accented_key(letter)
            tones.append(tone)
        keys.append(key)
    return f"{''.join(keys)}{_SHORTER_FIRST}{''.join(tones) or '0'}"


def _accented_key(letter: str) -> tuple[str, str]:
    decomposed = unicodedata.normalize("NFD", letter)
    base, marks = decomposed[0], decomposed[1:]
    shape = "".join(it for it in marks if it in _SHAPES)
    whole = unicodedata.normalize("NFC", base + shape)
    tone = "".join(_TONES.get(it, "") for it in marks)
    return _LETTER_KEYS.get(whole, base), tone
