"""When a chunk may go straight to the wire: once the window has room for all of it."""

import asyncio
import contextlib
from collections.abc import Sized
from typing import Protocol

from services.notifier.channels.wire import Wire
from services.notifier.workers.leases import now
from services.notifier.workers.room import Room

# So long a chunk waits for room in the window, unless it is seen that there will be none in time;
# when it was in vain, none waits for a while. To go the other way costs half as much again.
_WAIT_SECONDS, _PAUSE_SECONDS = 4.0, 3.0
_UNKNOWN_SECONDS = 1.0  # while nobody knows how fast room comes
_LOOK_SECONDS = 0.1


class Pace(Protocol):
    """Whoever claims what waits in the tables."""

    rate: float
    """How many messages end a second; 0 while nobody knows."""
    yields: bool
    """Whether it claims nothing of runs, since a chunk waits for room."""


class Admission:
    """Lets chunks in while nothing that is held comes before them."""

    def __init__(self, wire: Wire, room: Room, held: Sized, leases: Sized, pace: Pace) -> None:
        """`held` wait for places and `leases` are open attempts."""
        self.closed = False
        """Lets nobody in any more, since the process stops."""
        self._wire = wire
        self._room = room
        self._held = held
        self._leases = leases
        self._pace = pace
        self._vain_until = 0.0  # until then no chunk waits for room
        self._freed = asyncio.Event()

    def freed(self) -> None:
        """Places came free: wakes those who wait now, and nobody later."""
        self._freed.set()
        self._freed.clear()

    def may_come(self, count: int) -> bool:
        """Whether there is room for so many, or will be in time, as far as can be seen."""
        return self._look(count, now() + self._patience) is not False

    async def room_for(self, count: int) -> bool:
        """Waits until there is room for so many; False when there will be none in time."""
        until = now() + self._patience
        try:
            while (found := self._look(count, until)) is None:
                self._pace.yields = self._room.takes(count)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._freed.wait()
        finally:
            self._pace.yields = False
        return found

    @property
    def _patience(self) -> float:
        return _WAIT_SECONDS if self._pace.rate else _UNKNOWN_SECONDS

    def _look(self, count: int, until: float) -> bool | None:
        """Whether there is room; None while it may come until then."""
        least, fits = self._room.least_for(count), self._room.takes(count)
        waiting = len(self._held)
        if self.closed:
            return False
        if fits and self._room.free >= least and not waiting:
            return True
        # The window grows only while something is sent.
        is_idle = not waiting and not len(self._leases)
        if not fits and (is_idle or least > self._wire.capacity):
            return False
        if now() < self._vain_until:
            return False
        lacking, left, rate = least + waiting - self._room.free, until - now(), self._pace.rate
        if left <= 0 or (rate and lacking > rate * left):
            self._vain_until = now() + _PAUSE_SECONDS
            return False
        return None
