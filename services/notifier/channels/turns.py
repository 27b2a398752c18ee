"""Submitted messages of domains that take so many at once and no more, and of all the others."""

import time
from collections.abc import Callable, Iterator, Mapping

from services.notifier.channels.line import Line
from services.notifier.channels.wire import Done
from services.notifier.domain.states import Result
from services.notifier.domain.throttling import Crowd
from services.notifier.domain.work import Outgoing

# How much the newest message counts in what one takes.
_WEIGHT = 0.1
_GUESSED_SECONDS = 0.1


class _Domain:
    """One domain: how many of its messages sessions have now, and those that wait for a turn."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.going = 0
        self.here = 0  # submitted and not ended
        self.seconds = _GUESSED_SECONDS
        self.waiting = Line()


class Turns:
    """A `Line` that passes over messages whose domain has enough on their way.

    A message is on its way from when a session takes it until it has ended, whatever it waits for
    meanwhile: exact in this process, which knows nothing of others. One whose envelope stands
    behind a stuck mail, and that goes another way instead, has ended there: it is never written.
    """

    def __init__(
        self, at_once: Mapping[str, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """How many messages by domain; `clock` in seconds."""
        self._domains = {name: _Domain(most) for name, most in at_once.items()}
        self._clock = clock
        self._line = Line()
        self._going: dict[int, tuple[_Domain, float]] = {}  # since when, by identity

    def __len__(self) -> int:
        """How many may be taken; of those not looked at yet, some may have to wait."""
        return len(self._line)

    def add(self, message: Outgoing) -> None:
        """Puts a message at the end of its line."""
        domain = self._of(message)
        if domain is not None:
            domain.here += 1
        self._line.add(message)

    def put_back(self, message: Outgoing) -> None:
        """Puts a message of which nothing was written first in its line."""
        self._release(message)
        self._line.put_back(message)

    def take(self) -> Outgoing | None:
        """The next message whose turn it is, if there is one."""
        while (message := self._line.take()) is not None:
            domain = self._of(message)
            if domain is None:
                return message
            if domain.going < domain.most:
                domain.going += 1
                self._going[id(message)] = domain, self._clock()
                return message
            domain.waiting.add(message)
        return None

    def drain(self) -> Iterator[Outgoing]:
        """Takes out all that no session has."""
        yield from self._line.drain()
        for domain in self._domains.values():
            yield from domain.waiting.drain()

    def counted(self, done: Done) -> Done:
        """Told of the end of each message, it lets the next of the domain go."""

        def ended(message: Outgoing, result: Result) -> None:
            domain = self._of(message)
            if domain is not None:
                domain.here -= 1
                taken = self._release(message)
                if taken is not None:
                    passed = self._clock() - taken
                    domain.seconds += _WEIGHT * (passed - domain.seconds)
            done(message, result)

        return ended

    def crowd(self, domain: str) -> Crowd | None:
        """How full it is at a domain; None where nothing limits it."""
        found = self._domains.get(domain)
        return Crowd(found.here, found.seconds) if found else None

    def _release(self, message: Outgoing) -> float | None:
        """Gives a place free and lets the next have it; since when it was taken."""
        domain, since = self._going.pop(id(message), (None, None))
        if domain is None:
            return None
        domain.going -= 1
        following = domain.waiting.take()
        if following is not None:
            self._line.put_back(following)
        return since

    def _of(self, message: Outgoing) -> _Domain | None:
        return self._domains.get(message.claimed.address_key.rpartition("@")[2])


def line(at_once: Mapping[str, int]) -> Line | Turns:
    """Where submitted messages wait: as they came, while no domain is limited."""
    return Turns(at_once) if at_once else Line()
