"""What the lanes of a wire have in common: the messages that wait, and how a session is made."""

from typing import Protocol

from services.notifier.channels.smtp.session import Session
from services.notifier.domain.work import Outgoing


class Sleeper(Protocol):
    """Who rests until a message comes."""

    @property
    def is_up(self) -> bool:
        """Whether it has a session."""
        ...

    def wake(self) -> bool:
        """Goes on if it is idle, since a message came; False if it is not."""
        ...


class Queue(Protocol):
    """What a lane needs of its wire."""

    @property
    def per_connection(self) -> int:
        """Mails a session carries before it is made anew."""
        ...

    @property
    def command_seconds(self) -> float:
        """How long the answer to a command may take."""
        ...

    @property
    def final_seconds(self) -> float:
        """How long the answer to a final dot may take."""
        ...

    async def wait(self) -> None:
        """Returns once a message waits that no session that is up will take."""
        ...

    def take(self) -> Outgoing | None:
        """The next message to send, if there is one."""
        ...

    def put_back(self, message: Outgoing) -> None:
        """Puts a message of which nothing was written first in line."""
        ...

    def rest(self, sleeper: Sleeper) -> None:
        """Has a session woken for the next message."""
        ...

    async def open(self) -> Session:
        """A new session; raises `Broken` or `Refused`."""
        ...
