"""Sending hours: windows of a day in somebody's zone, and when they open next.

Everything is asked of instants, so that a day of 23 or 25 hours is none of its own.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAYS = 8
_SEARCHES = 64


class Window(NamedTuple):
    """From `opens` to before `closes`, local; over midnight when it closes first."""

    opens: time
    closes: time

    def holds(self, at: time) -> bool:
        """Whether a local time is within it."""
        if self.opens < self.closes:
            return self.opens <= at < self.closes
        return at >= self.opens or at < self.closes


class Where(NamedTuple):
    """Windows that hold in one zone; any of them will do."""

    zone: ZoneInfo
    windows: tuple[Window, ...]

    def is_open(self, at: datetime) -> bool:
        """Whether an instant is within any window."""
        local = at.astimezone(self.zone).time()
        return any(it.holds(local) for it in self.windows)

    def opens(self, at: datetime) -> datetime | None:
        """The first instant from `at` on that is within a window; None if none is near."""
        if self.is_open(at):
            return at
        day = at.astimezone(self.zone).date()
        for later in range(_DAYS):
            found = [
                moment
                for window in self.windows
                if (moment := _instant(day + timedelta(later), window.opens, self.zone)) > at
                and self.is_open(moment)
            ]
            if found:
                return min(found)
        return None

    def closes(self, at: datetime) -> datetime | None:
        """The first instant after `at` that may be outside all windows; None if they never end."""
        day = at.astimezone(self.zone).date()
        ends = sorted(
            moment
            for later in range(2)
            for window in self.windows
            if (moment := _instant(day + timedelta(later), window.closes, self.zone)) > at
        )
        return next((it for it in ends if not self.is_open(it)), None)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The zone of this name, None when there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def opens(everywhere: Sequence[Where], at: datetime) -> datetime | None:
    """The first instant from `at` on that all allow; None if there is none within a week."""
    moment = at
    for _ in range(_SEARCHES):
        nexts = [it.opens(moment) for it in everywhere]
        latest = moment
        for each in nexts:
            if each is None:
                return None
            latest = max(latest, each)
        if latest == moment:
            return moment
        if latest - at > timedelta(days=_DAYS):
            return None
        moment = latest
    return None


def closes(everywhere: Sequence[Where], at: datetime) -> datetime | None:
    """The first instant after `at` at which any may forbid; None if none does soon."""
    ends = [end for it in everywhere if (end := it.closes(at)) is not None]
    return min(ends, default=None)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    # A local time that a clock change leaves out is read with the offset before it.
    return datetime.combine(day, at, zone).astimezone(UTC)
