"""Token buckets: how many requests a minute somebody may make, in this process."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_WINDOW_SECONDS = 60.0


@dataclass(frozen=True)
class Quota:
    """Where somebody stands: of `limit` requests a minute `left` may be made at once.

    `full_seconds` is when all of them may be, `wait_seconds` is None for a request that was taken.
    """

    limit: int
    left: int
    full_seconds: float
    wait_seconds: float | None = None

    def headers(self, policy: str) -> dict[str, str]:
        """Return `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11."""
        return {
            "RateLimit-Policy": f'"{policy}";q={self.limit};w={_WINDOW_SECONDS:.0f}',
            "RateLimit": f'"{policy}";r={self.left};t={math.ceil(self.full_seconds)}',
        }


class Buckets:
    """A bucket for each key, kept as the one time at which it will be full again (GCRA).

    Of `most` keys those that were used last are remembered; one that is forgotten is full.
    """

    def __init__(self, *, most: int = 20_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, per_minute: int) -> Quota:
        """Take one request out of the bucket of `key`, if one is left; never waits."""
        each = _WINDOW_SECONDS / per_minute
        with self._lock:
            now = self._clock()
            full = max(self._full_at.get(key, now), now) - now
            after = full + each
            # A thousandth of a request more, so that sums of fractions do not cost a whole one.
            wait = after - _WINDOW_SECONDS
            if wait > each / 1_000:
                return Quota(per_minute, 0, full, wait)
            self._full_at[key] = now + after
            self._full_at.move_to_end(key)
            if len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
        left = math.floor((_WINDOW_SECONDS - after) / each + 0.001)
        return Quota(per_minute, max(0, left), after)

    def forget(self) -> None:
        """Fill every bucket."""
        with self._lock:
            self._full_at.clear()

    def __len__(self) -> int:
        return len(self._full_at)
