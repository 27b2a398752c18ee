"""Submitted messages that no session has begun yet."""

from collections import deque
from collections.abc import Iterator

from services.notifier.channels.wire import Done
from services.notifier.domain.work import Outgoing


class Line:
    """First come, first served, but what is urgent before all that is not."""

    def __init__(self) -> None:
        self._first: deque[Outgoing] = deque()
        self._bulk: deque[Outgoing] = deque()

    def __len__(self) -> int:
        return len(self._first) + len(self._bulk)

    def add(self, message: Outgoing) -> None:
        """Puts a message at the end of its line."""
        self._of(message).append(message)

    def put_back(self, message: Outgoing) -> None:
        """Puts a message of which nothing was written first in its line."""
        self._of(message).appendleft(message)

    def take(self) -> Outgoing | None:
        """The next message, if there is one."""
        line = self._first or self._bulk
        return line.popleft() if line else None

    def drain(self) -> Iterator[Outgoing]:
        """Takes out all."""
        while (message := self.take()) is not None:
            yield message

    def counted(self, done: Done) -> Done:
        """What is to be told of ends; nobody is counted here."""
        return done

    def crowd(self, _domain: str) -> None:
        """Nothing limits any domain."""
        return None

    def _of(self, message: Outgoing) -> deque[Outgoing]:
        return self._first if message.claimed.kind.urgent else self._bulk
