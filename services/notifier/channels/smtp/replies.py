"""Replies of an SMTP server as they come from the wire."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from services.notifier import stages

_LONGEST_LINE = 8 * 1024
_MOST_LINES = 100
_MOST_KNOWN, _LONGEST_KNOWN = 500, 200
# The clock takes a tenth of what reading one reply does.
_SAMPLE = 16


class Reply(NamedTuple):
    """A whole reply: its code and the text of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The text of all lines as one."""
        return " ".join(self.lines)

    @property
    def is_good(self) -> bool:
        """2xx or 3xx."""
        return 200 <= self.code < 400

    def __str__(self) -> str:
        return f"{self.code} {self.text}"[:500]


Tell = Callable[[Iterable[Reply] | None], None]


class Replies(asyncio.Protocol):
    """Collects whole replies as they come; `lost` says why no more will.

    Once somebody listens, they are told of replies and of the end instead.
    """

    def __init__(self) -> None:
        self.lost = ""
        self._tell: Tell | None = None
        self._ready: deque[Reply] = deque()
        self._lines: list[str] = []
        self._rest = b""
        self._reads = 0
        self._waiter: asyncio.Future[None] | None = None

    def listen(self, tell: Tell) -> None:
        """Has `tell` called with the replies that come from now on, and with None at the end."""
        self._tell = tell

    def take(self) -> Reply | None:
        """The next reply, if it is here."""
        return self._ready.popleft() if self._ready else None

    def discard(self) -> None:
        """Forgets what came in the clear, before encryption begins."""
        self._ready.clear()
        self._lines, self._rest = [], b""

    async def wait(self, within: float) -> bool:
        """Waits for a reply; False when none came within so many seconds or none will."""
        if self._ready or self.lost:
            return bool(self._ready)
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(within, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None
        return bool(self._ready)

    def data_received(self, data: bytes) -> None:
        """Called with what the server sent."""
        self._reads += 1
        if self._reads % _SAMPLE:
            self._read(data)
        else:
            with stages.spent("smtp", times=_SAMPLE):
                self._read(data)

    def _read(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data if self._rest else data).split(b"\n")
        for line in lines:
            # Servers say few different things, and each of them often.
            known = None if self._lines else _known.get(line)
            if known is None:
                self._line(line)
            else:
                self._ready.append(known)
        if len(self._rest) > _LONGEST_LINE:
            self._end("line too long")
        if self._tell is None:
            if self._ready:
                self._wake()
        elif self._ready and not self.lost:
            heard, self._ready = self._ready, deque()
            self._tell(heard)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called once, at the end."""
        self._end(type(exc).__name__ if exc else "closed by the server")

    def _line(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        if not text[:3].isdigit() or len(self._lines) > _MOST_LINES:
            self._end("not a reply")
            return
        self._lines.append(text[4:])
        if text[3:4] == "-":
            return
        reply = Reply(int(text[:3]), tuple(self._lines))
        self._ready.append(reply)
        if len(self._lines) == 1 and len(line) < _LONGEST_KNOWN:
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[line] = reply
        self._lines = []

    def _end(self, why: str) -> None:
        was_lost, self.lost = self.lost, self.lost or why
        self._wake()
        if self._tell is not None and not was_lost:
            # Forgotten with the end: who listens holds the session, which holds these replies.
            tell, self._tell = self._tell, None
            tell(None)

    def _wake(self) -> None:
        if self._waiter is not None:
            _wake(self._waiter)


_known: dict[bytes, Reply] = {}


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
