"""Leases on this machine's own clock: after one ends, nothing more is written."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from services.notifier.domain.work import Claimed, Outgoing

# Writing stops this long before the database lets others act on the message.
MARGIN_SECONDS = 2.0
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds that go on while the process is stopped or the machine sleeps; no wall clock."""
    return time.clock_gettime(_CLOCK)


@dataclass(slots=True)
class _Held:
    run_id: UUID | None
    left: int  # messages that have not ended, gone back or gone another way
    until: float
    is_unsure: bool = False  # something under it is known to the database alone: it has to lapse


class Leases:
    """The claims of one engine, until when each holds, and the open attempts under them."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._margin = min(MARGIN_SECONDS, seconds / 4)
        self._claims: dict[int, _Held] = {}
        # By the number that an id is, since a UUID makes its hash anew each time it is asked.
        self._open: dict[int, Outgoing] = {}

    def __len__(self) -> int:
        """How many attempts are open."""
        return len(self._open)

    def clear(self) -> None:
        """Forgets all; what was open lapses."""
        self._claims.clear()
        self._open.clear()

    def take(self, claim: int, run_id: UUID | None, messages: int, asked_at: float) -> None:
        """A claim on so many messages, committed by a statement sent at `asked_at`."""
        if messages:
            self._claims[claim] = _Held(run_id, messages, self._until(asked_at))

    def open(self, message: Outgoing) -> None:
        """A message whose attempt is committed."""
        self._open[message.prepared.claimed.key.message_id.int] = message

    def holds(self, message: Outgoing, at: float | None = None) -> bool:
        """Whether the message may still be written; `at` is `now()`."""
        claimed = message.prepared.claimed
        found = self._open.get(claimed.key.message_id.int)
        if found is not message and not _is_same(found, message):
            return False
        held = self._claims.get(claimed.claim)
        return held is not None and (now() if at is None else at) < held.until

    def covers(self, claimed: Claimed) -> bool:
        """Whether the claim on a message still holds."""
        held = self._claims.get(claimed.claim)
        return held is not None and now() < held.until

    def closing(self, ended: Iterable[Outgoing]) -> list[Claimed]:
        """The messages whose open attempt is among these; a late word on an older one is none."""
        found: dict[int, Claimed] = {}
        for message in ended:
            claimed = message.prepared.claimed
            id = claimed.key.message_id.int
            if _is_same(self._open.get(id), message):
                found[id] = claimed
        return list(found.values())

    def abandon(self, claimed: Iterable[Claimed]) -> None:
        """These are left to whoever finds their claims lapsed: none of them may end before.

        Nobody answered whether attempts under them were committed, or whether they were given back.
        """
        for claim in {it.claim for it in claimed} & self._claims.keys():
            self._claims[claim].is_unsure = True

    def drop(self, claim: int) -> None:
        """Forgets a claim under which nothing was opened: it has to lapse."""
        self._claims.pop(claim, None)

    def is_sure(self, claimed: Claimed) -> bool:
        """Whether it is known that the message has no attempt but those opened here."""
        held = self._claims.get(claimed.claim)
        return held is None or not held.is_unsure

    def finished_by(self, leaving: Iterable[Claimed]) -> list[int]:
        """The claims of which nothing is left once these leave, but for those that have to lapse.

        A claim that ends too early takes with it the only trace of an attempt that nobody knows, or
        of messages that nobody else would look for.
        """
        counts = Counter(it.claim for it in leaving)
        return [
            claim
            for claim, count in counts.items()
            if (held := self._claims.get(claim)) and held.left <= count and not held.is_unsure
        ]

    def leave(self, leaving: Iterable[Claimed]) -> None:
        """These ended, went back or went another way, and that is committed."""
        for claimed in leaving:
            id = claimed.key.message_id.int
            newest = self._open.get(id)
            if newest is not None and newest.claimed.claim == claimed.claim:
                del self._open[id]
            held = self._claims.get(claimed.claim)
            if held is None:
                continue
            held.left -= 1
            if held.left <= 0:
                del self._claims[claimed.claim]

    def claims(self) -> list[int]:
        """The claims that are held."""
        return list(self._claims)

    def renewed(self, claims: set[int], asked_at: float) -> None:
        """The database extended these; the others end when they end."""
        for claim in claims & self._claims.keys():
            self._claims[claim].until = self._until(asked_at)

    def runs(self) -> set[UUID]:
        """The runs of what is held."""
        return {it.run_id for it in self._claims.values() if it.run_id}

    def _until(self, asked_at: float) -> float:
        return asked_at + self.seconds - self._margin


def _is_same(found: Outgoing | None, message: Outgoing) -> bool:
    """Whether it is the same attempt, under the claim that opened it."""
    return (
        found is not None
        and found.number == message.number
        and found.claimed.claim == message.claimed.claim
    )
