"""Looks for a person in the text of a file that was to be imported."""

import codecs
import re

from services import erasing
from services.erasing import Person

_AT_ONCE = 64 * 1024
# What a person may cross from one stretch into the next with.
_OVERLAP = 400
_BETWEEN = "[ .()-]*"
_NATIONAL = "+84"


class Search:
    """Somebody by addresses that are theirs alone, however spread a number is; not by names."""

    def __init__(self, person: Person) -> None:
        words = [*person.addresses, *person.spellings]
        digits = [it.removeprefix(_NATIONAL).removeprefix("+") for it in person.phones]
        self._words = [it.lower() for it in words if it]
        self._digits = digits
        found = [erasing.pattern(words), *(_spread(it) for it in digits)]
        self._whole = re.compile("|".join(found), re.I)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self._words

    def find(self, text: str, *, first: bool = True, last: bool = True) -> bool:
        """Whether a text has one of them.

        Of what is at an end that is not the file's it cannot be said where it begins or ends.
        """
        low = text.lower()
        if not any(it in low for it in self._words):
            plain = low
            for it in " .()-":
                plain = plain.replace(it, "")
            if not any(it in plain for it in self._digits):
                return False
        found = self._whole.finditer(text, 0 if first else 1)
        return any(last or it.end() < len(text) for it in found)


class Reading:
    """A file that is read part by part; what was at the end of one is looked at with the next."""

    def __init__(self, wanted: Search, encoding: str) -> None:
        self._wanted = wanted
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._before, self._first = "", True

    def feed(self, data: bytes, *, last: bool) -> bool:
        """Whether this part has the person, with what came before it."""
        text = self._decoder.decode(data, last)
        for start in range(0, max(len(text), 1), _AT_ONCE):
            ends = last and start + _AT_ONCE >= len(text)
            stretch = self._before + text[start : start + _AT_ONCE]
            if self._wanted.find(stretch, first=self._first, last=ends):
                return True
            self._before = stretch[-_OVERLAP:]
            self._first = self._first and len(stretch) <= _OVERLAP
        return False


def _spread(digits: str) -> str:
    """Returns an expression of a number with anything between its digits, or a code before them."""
    return rf"(?<!\d)(?:(?:\+|00)?84|0)?{_BETWEEN}{_BETWEEN.join(digits)}(?!\d)"
