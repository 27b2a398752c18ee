"""Leases on this machine's own clock: after one ends, nothing more is written."""

import time
from uuid import UUID

from services.notifier.domain.work import Key, Outgoing

# Writing stops this long before the database lets others act on the message.
MARGIN_SECONDS = 2.0
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds that go on while the process is stopped or the machine sleeps; no wall clock."""
    return time.clock_gettime(_CLOCK)


class Leases:
    """The open attempts of one engine and until when each may be written."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._margin = min(MARGIN_SECONDS, seconds / 4)
        self._open: dict[UUID, tuple[Outgoing, float]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def clear(self) -> None:
        """Forgets all; what was open lapses."""
        self._open.clear()

    def until(self, asked_at: float) -> float:
        """The end of a lease that was asked for at `asked_at`."""
        return asked_at + self.seconds - self._margin

    def add(self, message: Outgoing, asked_at: float) -> None:
        """A message whose attempt was committed by a statement sent at `asked_at`."""
        self._open[message.claimed.key.message_id] = (message, self.until(asked_at))

    def remove(self, message: Outgoing) -> None:
        """Its outcome is committed."""
        found = self._open.get(message.claimed.key.message_id)
        if found is not None and found[0].number == message.number:
            del self._open[message.claimed.key.message_id]

    def holds(self, message: Outgoing) -> bool:
        """Whether the message may still be written."""
        found = self._open.get(message.claimed.key.message_id)
        return found is not None and found[0].number == message.number and now() < found[1]

    def held(self) -> list[tuple[Key, int]]:
        """Keys and attempt numbers of what is open."""
        return [(it.claimed.key, it.number) for it, _ in self._open.values()]

    def renewed(self, ids: set[UUID], asked_at: float) -> None:
        """The database extended these; the others end when they end."""
        for id in ids & self._open.keys():
            self._open[id] = (self._open[id][0], self.until(asked_at))

    def runs(self) -> set[UUID]:
        """The runs of what is open."""
        return {it.claimed.run_id for it, _ in self._open.values() if it.claimed.run_id}
