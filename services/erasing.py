"""Who is to be erased, and what a service says it did, alike in every service."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Subject = tuple[str, str]
"""What an audit entry is about: its kind and its id."""


@dataclass(frozen=True)
class Person:
    """Somebody by what they are found by; addresses are nobody else's.

    `emails` are as compared, `phones` E.164, `spellings` other ways in which they were written.
    `names` are theirs and perhaps others'; `subjects` are things that were theirs alone.
    """

    contact_ids: tuple[UUID, ...]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    subjects: frozenset[Subject] = frozenset()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Mail addresses and numbers as compared."""
        return (*self.emails, *self.phones)

    def words(self) -> list[bytes]:
        """The addresses however written, as bytes have them."""
        return _marks([*self.addresses, *self.spellings], ())

    def marks(self) -> list[bytes]:
        """What gives the person away in bytes: addresses, and ids of theirs."""
        ids, others = set(self.contact_ids), []
        for _, it in self.subjects:
            # A hash of 32 digits is no UUID, though one could be read from it.
            if _UUID.fullmatch(it):
                ids.add(UUID(it))
            else:
                others.append(it)
        return _marks([*self.addresses, *self.spellings, *others], ids)


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


def _marks(words: Iterable[str], ids: Iterable[UUID]) -> list[bytes]:
    """Words as written, ids as text and as 16 bytes."""
    found = {it.encode() for it in words if it}
    for it in ids:
        found |= {str(it).encode(), it.bytes}
    return sorted(found)
