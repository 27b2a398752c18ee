"""How fast each domain of recipients is served: by its limits, and slower after it complained.

Nobody waits here: who may not go now is told for how long to be put off, so that one domain's
messages never stand before another's. Time is an argument, in monotonic seconds.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

_ENTRY = re.compile(r"([a-z0-9.-]+)=(\d+)/s")
_AT_ONCE = re.compile(r"([a-z0-9.-]+)=(\d+)")
_LONGEST_WAIT, _LEAST_WAIT = 600.0, 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 300.0
_LEAST_RATE, _FAST_ENOUGH = 1.0, 1_000.0
# Without a complaint for so long the rate doubles, until it is what it was.
_CALM_SECONDS = 30.0


def limits(text: str) -> dict[str, float]:
    """Messages a second by domain, of `gmail.com=20/s,yahoo.com=5/s`."""
    return {name: float(count) for name, count in _ENTRY.findall(text)}


def at_once(text: str) -> dict[str, int]:
    """Messages at once by domain, of `gmail.com=10,yahoo.com=5`."""
    return {name: int(count) for name, count in _AT_ONCE.findall(text)}


class Crowd(NamedTuple):
    """How many messages of a domain a wire has, and how long one that goes takes of late."""

    here: int
    seconds: float


def _nobody(_domain: str) -> Crowd | None:
    return None


@dataclass
class _Domain:
    """One domain's tokens, what waits for them, and how it is slowed down; `limit` 0 is none."""

    limit: float
    at: float
    pace: float = 0.0  # how many a second it takes, so many at once; 0 while nobody limits that
    burst: float = math.inf
    tokens: float = 1.0
    behind: float = 0.0  # messages put off, less those whose time has come
    slow: float = 0.0  # the rate while it is slowed down
    closed_until: float = 0.0
    pause: float = 0.0
    complained_at: float = 0.0
    sent: float = 0.0  # about how many went in the last second

    def rate(self, share: float) -> float:
        """Messages a second of this process; 0 is no limit."""
        return min((it for it in (self.limit * share, self.slow, self.pace) if it), default=0.0)

    def go_on(self, now: float, share: float) -> None:
        """Lets time pass: tokens come, who was put off comes back, a slow-down eases."""
        passed = max(0.0, now - self.at)
        self.at = now
        self.sent *= max(0.0, 1.0 - passed)
        while self.slow and now - self.complained_at > _CALM_SECONDS:
            self.slow *= 2
            self.complained_at += _CALM_SECONDS
            if self.slow >= (self.limit * share or self.pace or _FAST_ENOUGH):
                self.slow = self.pause = 0.0
        rate = self.rate(share)
        self.tokens = min(max(1.0, rate), self.burst, self.tokens + passed * rate)
        self.behind = max(0.0, self.behind - passed * rate) if rate else 0.0


class Domains:
    """The domains that are limited or slowed down.

    Of a domain that takes so many at once, the wire holds the number; here no more are let through
    than it will take soon, since what waits at the wire keeps others from its window.
    """

    def __init__(
        self,
        limits: Mapping[str, float],
        at_once: Mapping[str, int] | None = None,
        crowd: Callable[[str], Crowd | None] = _nobody,
    ) -> None:
        """Messages a second and messages at once, by domain."""
        self.share = 1.0
        """The part of each limit that belongs to this process."""
        self._at_once = dict(at_once or {})
        self._limits = {**dict.fromkeys(self._at_once, 0.0), **limits}
        self._crowd = crowd
        self.window = 64
        """How many attempts the wire may have open, which all domains share."""
        self._known: dict[str, _Domain] = {}

    def put_off(self, address: str, now: float, chance: float, *, urgent: bool = False) -> float:
        """For how many seconds a message has to wait; 0 when it goes now, as if `urgent` always.

        `chance` in [0, 1) spreads those who come back.
        """
        if not self._limits and not self._known:
            return 0.0
        name = address.rpartition("@")[2].lower()
        domain = self._known.get(name)
        if domain is None:
            if name not in self._limits:
                return 0.0
            limit = self._limits[name]
            at_first = 1.0 if limit else float(self._at_once[name])
            domain = self._known[name] = _Domain(limit, now, tokens=at_first)
        is_full = name in self._at_once and self._look(domain, name)
        domain.go_on(now, self.share)
        rate = domain.rate(self.share)
        if not rate:
            del self._known[name]
            return 0.0
        if urgent or (now >= domain.closed_until and domain.tokens >= 1.0 and not is_full):
            domain.tokens = max(domain.tokens - 1.0, -rate)
            domain.sent += 1.0
            return 0.0
        domain.behind = min(domain.behind + 1.0, rate * _LONGEST_WAIT)
        wait = max(0.0, domain.closed_until - now) + domain.behind / rate
        return min(_LONGEST_WAIT, max(_LEAST_WAIT, wait)) * (0.75 + chance / 2)

    def _look(self, domain: _Domain, name: str) -> bool:
        """Learns how fast a domain is that takes so many at once; whether enough are there."""
        most, found = self._at_once[name], self._crowd(name)
        # What waits there keeps others out, and a crash would leave it in doubt: twice this is at
        # most a quarter of the window for all such domains together.
        ahead = max(1, self.window // (8 * len(self._at_once)))
        domain.burst = ahead
        domain.pace = most / max(found.seconds if found else 0.1, 0.001)
        return found is not None and found.here >= most + ahead

    def complained(self, address: str, now: float) -> None:
        """A domain's server said that this is too fast: it is left alone, then served slower."""
        name = address.rpartition("@")[2].lower()
        domain = self._known.setdefault(name, _Domain(self._limits.get(name, 0.0), now))
        domain.go_on(now, self.share)
        if now < domain.closed_until:
            return  # of what was on its way when it complained first
        domain.slow = max(_LEAST_RATE, (domain.rate(self.share) or domain.sent or 2.0) / 2)
        domain.pause = min(_LONGEST_PAUSE, 2 * domain.pause or _FIRST_PAUSE)
        domain.closed_until = now + domain.pause
        domain.complained_at = domain.closed_until
        domain.tokens = 0.0

    def slowed(self) -> int:
        """How many domains are slowed down now."""
        return sum(1 for it in self._known.values() if it.slow)
