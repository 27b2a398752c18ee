"""What the engine and a wire know of each other."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from services.notifier.domain.states import Channel, Result
from services.notifier.domain.throttling import Crowd
from services.notifier.domain.work import Outgoing


class Permit(Protocol):
    """Whether a message may be written now; asked right before each write."""

    def now(self, message: Outgoing) -> bool | None:
        """As far as is known; None when what is known is too old to tell."""
        ...

    async def ask(self, message: Outgoing) -> bool:
        """Finds out."""
        ...


Done = Callable[[Outgoing, Result], None]
"""Told once of the end of each submitted message."""

Receive = Callable[["ReceiptIn"], Awaitable[None]]
"""Returns once a receipt is on disk."""


class ReceiptIn(Protocol):
    """A receipt as a wire read it."""

    @property
    def reference(self) -> str: ...


class Wire(Protocol):
    """Sessions with one provider."""

    channel: Channel
    provider: str
    address: str

    @property
    def capacity(self) -> int:
        """How many open attempts it can serve now; 0 while no session is up."""
        ...

    @property
    def waiting(self) -> int:
        """How many submitted messages no session has begun yet."""
        ...

    def crowd(self, domain: str) -> Crowd | None:
        """How full it is at a domain of recipients; None where nothing limits it."""
        ...

    @property
    def trouble(self) -> str:
        """The last trouble, empty when there is none."""
        ...

    def submit(self, message: Outgoing) -> None:
        """Takes a message whose attempt is committed; `done` will be told of its end."""
        ...

    async def run(self, permit: Permit, done: Done) -> None:
        """Keeps the sessions until cancelled."""
        ...

    async def close(self) -> None:
        """Ends the sessions; what was not answered is told to `done` as it stands."""
        ...
