"""Fair choice among runs, and rates; time is an argument, in monotonic seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.notifier.domain.work import Run

_NO_LIMIT = 1_000_000


class Bucket:
    """Lets `per_second` through, with at most one second's worth at once; 0 is no limit."""

    def __init__(self, per_second: float, now: float) -> None:
        self.per_second = per_second
        self._tokens = per_second
        self._at = now

    @property
    def most(self) -> int:
        """How many may ever pass at once."""
        return max(1, int(self.per_second)) if self.per_second > 0 else _NO_LIMIT

    def room(self, now: float) -> int:
        """How many may pass now."""
        if self.per_second <= 0:
            return _NO_LIMIT
        earned = (now - self._at) * self.per_second
        self._tokens = min(max(self.per_second, 1.0), self._tokens + max(0.0, earned))
        self._at = now
        return int(self._tokens)

    def take(self, count: int) -> None:
        """Uses up what passed; may go below zero, which delays the next."""
        if self.per_second > 0:
            self._tokens -= count

    def limit(self, per_second: float) -> None:
        """Changes the rate."""
        if self.per_second <= 0 < per_second:
            self._tokens = 0.0
        self.per_second = per_second


class Window:
    """How many attempts may be open: as many as keep the wire busy, since a crash leaves that many
    in doubt.
    """

    LEAST = 64

    def __init__(self) -> None:
        self._size = float(self.LEAST)

    def size(self, most: int) -> int:
        """So many, at most `most`."""
        self._size = min(self._size, float(max(most, self.LEAST)))
        return min(most, int(self._size))

    def observe(self, waiting: int) -> None:
        """Attempts are about to be opened while `waiting` open ones are not on the wire yet."""
        if waiting == 0:
            # The wire ran dry: what is opened at once must last longer.
            self._size = self._size * 1.5
        elif waiting > self._size / 2:
            self._size = max(float(self.LEAST), self._size * 0.95)


@dataclass
class FairShare:
    """Stride scheduling: the run that had least for its weight is next."""

    _passed: dict[UUID, float] = field(default_factory=dict)
    _buckets: dict[UUID, Bucket] = field(default_factory=dict)

    def pick(self, runs: Sequence[Run], now: float, share: float) -> tuple[Run, int] | None:
        """The next run and how many it may have now; None when none may.

        `share` is the part of each run's own limit that belongs to this process.
        """
        known = {run.run_id for run in runs}
        self._passed = {k: v for k, v in self._passed.items() if k in known}
        self._buckets = {k: v for k, v in self._buckets.items() if k in known}
        # A run that comes later starts level with the others instead of catching up.
        floor = min(self._passed.values(), default=0.0)
        for run in sorted(runs, key=lambda it: self._passed.setdefault(it.run_id, floor)):
            room = self._bucket(run, now, share).room(now)
            if room > 0:
                return run, room
        return None

    def charge(self, run: Run, count: int) -> None:
        """Counts `count` messages of the run."""
        self._passed[run.run_id] = self._passed.get(run.run_id, 0.0) + count / max(1, run.weight)
        if run.run_id in self._buckets:
            self._buckets[run.run_id].take(count)

    def _bucket(self, run: Run, now: float, share: float) -> Bucket:
        rate = run.max_per_second * share
        bucket = self._buckets.setdefault(run.run_id, Bucket(rate, now))
        bucket.limit(rate)
        return bucket
