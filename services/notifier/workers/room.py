"""How many attempts may be opened now."""

from services.notifier.channels.wire import Wire
from services.notifier.domain.scheduling import Bucket, Window
from services.notifier.workers.leases import Leases, now


class Room:
    """The places of the window that are free, within the provider's rate."""

    def __init__(self, wire: Wire, leases: Leases) -> None:
        self.promised = 0
        """Places kept for chunks that are on their way."""
        self._wire = wire
        self._leases = leases
        self._bucket = Bucket(0, now())
        self._window = Window()

    @property
    def window(self) -> int:
        """How many attempts may be open."""
        return self._window.size(self._wire.capacity)

    @property
    def quarter(self) -> int:
        """So many at a time are worth a commit."""
        return max(1, min(self.window, self._bucket.most) // 4)

    @property
    def free(self) -> int:
        """How many may be opened of whatever kind."""
        return min(self.window - len(self._leases), self._bucket.room(now())) - self.promised

    @property
    def free_for_runs(self) -> int:
        """How many may be of runs: the last eighth is kept for what is of none."""
        window = self.window
        places = window - len(self._leases) - max(1, window // 8)
        return min(places, self._bucket.room(now()) - self._bucket.most // 8) - self.promised

    def takes(self, count: int) -> bool:
        """Whether so many of a run ever fit together."""
        return self.least_for(count) <= self.window

    def least_for(self, count: int) -> int:
        """How many places have to be free before so many of a run are begun together."""
        return count + max(1, self.window // 8)

    def use(self, count: int) -> None:
        """So many were handed over."""
        self._bucket.take(count)

    def observe(self) -> None:
        """Attempts are about to be opened: does the wire still have some?"""
        self._window.observe(self._wire.waiting)

    def limit(self, per_second: float) -> None:
        """Changes the rate."""
        self._bucket.limit(per_second)
