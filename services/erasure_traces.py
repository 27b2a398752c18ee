"""Erases a person from the tables that every service has."""

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from chassis.db import Sessions, traces
from services.erasing import Erased, Person
from services.marks import Marks

_KEPT_SECONDS = 600.0
# An event has the time in its id at which it was made, and no transaction lasts longer.
_LONGEST_SECONDS = 3_600.0


class Traces:
    """Remembers for ten minutes from where on it has to read for whom: rounds follow each other."""

    def __init__(self, sessions: Sessions, clock: Callable[[], float] = time.time) -> None:
        self._sessions = sessions
        self._clock = clock
        self._clean: dict[int, tuple[float, UUID]] = {}

    async def erase(self, person: Person, erased: Erased) -> None:
        """Erases events and answers that tell of a person; call it last, with all that was found.

        In no transaction: it opens its own.
        """
        whole = replace(person, subjects=person.subjects | erased.subjects)
        began, who = self._clock(), hash(whole)
        self._clean = {
            it: known for it, known in self._clean.items() if began - known[0] < _KEPT_SECONDS
        }
        _, after = self._clean.get(who, (began, UUID(int=0)))
        found = await traces.erase(self._sessions, Marks(whole).tell, after)
        if not found.waiting:
            self._clean[who] = began, _first_of(began - _LONGEST_SECONDS)
        erased.add("outbox", found.events)
        erased.add("answers", found.answers)
        erased.waiting += found.waiting


def _first_of(seconds: float) -> UUID:
    """Returns what every UUIDv7 of that time or later is greater than."""
    return UUID(int=int(seconds * 1_000) << 80)
