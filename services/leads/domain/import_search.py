"""Looks for a person in the text of a file that was to be imported."""

import codecs
import re
from collections.abc import Iterable

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

    def find(self, text: str) -> bool:
        """Whether a text has one of them."""
        low = text.lower()
        if not any(it in low for it in self._words):
            plain = low
            for it in " .()-":
                plain = plain.replace(it, "")
            if not any(it in plain for it in self._digits):
                return False
        return self._whole.search(text) is not None


class Reading:
    """A file that is read part by part; what was at the end of one is looked at with the next."""

    def __init__(self, wanted: Search, encoding: str) -> None:
        self._wanted = wanted
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._before = ""

    def feed(self, data: bytes) -> bool:
        """Whether this part has the person, with what came before it."""
        return any(self._wanted.find(it) for it in self._stretches(self._decoder.decode(data)))

    def _stretches(self, text: str) -> Iterable[str]:
        for start in range(0, len(text), _AT_ONCE):
            stretch = self._before + text[start : start + _AT_ONCE]
            self._before = stretch[-_OVERLAP:]
            yield stretch


def _spread(digits: str) -> str:
    """Returns an expression of a number with anything between its digits, or a code before them."""
    return rf"(?<!\d)(?:(?:\+|00)?84|0)?{_BETWEEN}{_BETWEEN.join(digits)}(?!\d)"
