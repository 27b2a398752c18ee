"""Who is to be erased, and what a service says it did, alike in every service."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

NOBODY = r"x(?!x)x"
"""As a regular expression, nothing."""

_NUMBER = re.compile(r"\+?[\d .()-]*")

Subject = tuple[str, str]
"""What an audit entry is about: its kind and its id."""


@dataclass(frozen=True)
class Person:
    """Somebody by what they are found by; addresses are nobody else's.

    `emails` are as compared, `phones` E.164, `spellings` other ways in which they were written.
    `names` are theirs and perhaps others'; `subjects` are things that were theirs alone. `shared`
    are addresses that others have, too, and keep.
    """

    contact_ids: tuple[UUID, ...]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    subjects: frozenset[Subject] = frozenset()
    shared: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Mail addresses and numbers as compared."""
        return (*self.emails, *self.phones)


@dataclass
class Erased:
    """What a service erased this time, what was the person's alone, and what has to wait."""

    counts: Counter[str] = field(default_factory=Counter)
    subjects: set[Subject] = field(default_factory=set)
    waiting: int = 0

    def add(self, kind: str, count: int) -> None:
        """Notes things of a kind."""
        if count:
            self.counts[kind] += count

    def own(self, kind: str, ids: Iterable[object]) -> None:
        """Notes what audit entries may be about."""
        self.subjects |= {(kind, str(it)) for it in ids}


def pattern(words: Iterable[str]) -> str:
    """Returns a regular expression that finds words whole; none finds nothing.

    Python and PostgreSQL read it alike: "an@x.vn" is not found in "tuan@x.vn", "an@x.vn.example"
    or "b.an@x.vn", nor 0912 in 20912.
    """
    return "|".join(_bounded(it) for it in sorted(set(words)) if it) or NOBODY


def _bounded(word: str) -> str:
    escaped = re.sub(r"([^\w])", r"\\\1", word)
    if "@" in word:
        return rf"(?<![\w.+-]){escaped}(?!\w|[.-]\w)"
    if _NUMBER.fullmatch(word):
        return rf"(?<!\d){escaped}(?!\d)"
    return rf"(?<!\w){escaped}(?!\w)"
