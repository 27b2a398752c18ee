"""Prepared messages that wait for a place in the window."""

import asyncio
from collections import deque
from collections.abc import Iterable

from services.notifier.domain.work import Prepared


class Held:
    """Prepared messages without an attempt, the urgent ones first."""

    def __init__(self) -> None:
        self._first: deque[Prepared] = deque()
        self._bulk: deque[Prepared] = deque()
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()

    def __len__(self) -> int:
        return len(self._first) + len(self._bulk)

    @property
    def urgent(self) -> int:
        """How many go before the others."""
        return len(self._first)

    def add(self, prepared: Iterable[Prepared]) -> None:
        """Puts messages at the end of their line."""
        for it in prepared:
            (self._first if it.claimed.kind.urgent else self._bulk).append(it)
        self._changed.set()

    def put_back(self, prepared: list[Prepared]) -> None:
        """Puts messages at the front of their line."""
        for it in reversed(prepared):
            (self._first if it.claimed.kind.urgent else self._bulk).appendleft(it)

    def take(self, room: int, bulk_room: int) -> list[Prepared]:
        """Up to `room` messages, of those that are not urgent no more than `bulk_room`."""
        taken: list[Prepared] = []
        for line, limit in ((self._first, room), (self._bulk, bulk_room)):
            while line and len(taken) < min(room, limit):
                taken.append(line.popleft())
        self._taken.set()
        return taken

    def clear(self) -> list[Prepared]:
        """Takes everything out."""
        everything = [*self._first, *self._bulk]
        self._first.clear()
        self._bulk.clear()
        return everything

    async def changed(self) -> None:
        """Returns once something was added since the last call."""
        await self._changed.wait()
        self._changed.clear()

    async def taken(self) -> None:
        """Returns once something was asked for since the last call."""
        await self._taken.wait()
        self._taken.clear()
