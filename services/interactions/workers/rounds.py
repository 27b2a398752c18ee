"""The loop of a worker: one round after the other while there is more to do, then a rest."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from chassis import db
from chassis.db.patience import patiently
from services.interactions.storage.due import Kind, due

_ANYWAY_SECONDS = 30.0


class Rounds:
    """A background task that does rounds for ever; several replicas share the work."""

    def __init__(
        self, name: str, do: Callable[[], Awaitable[bool]], every_seconds: float = _ANYWAY_SECONDS
    ) -> None:
        """`do` does one round and returns whether there may be more to do at once."""
        self.__qualname__ = name
        self._do = do
        self.rest: Callable[[], Awaitable[object]] = partial(asyncio.sleep, every_seconds)

    async def __call__(self) -> None:
        """Runs for ever; a database or peer that is away makes it wait."""
        while True:
            await patiently(self._all, name=self.__qualname__)
            await self.rest()

    async def _all(self) -> None:
        while await self._do():
            pass


class Watch(Rounds):
    """Looks for all workers of a process what is due, and wakes those whose it is."""

    def __init__(self, sessions: db.Sessions, every_seconds: float) -> None:
        super().__init__("watch what is due", self._look, every_seconds)
        self._sessions = sessions
        self._due = {kind: asyncio.Event() for kind in Kind}

    def wakes(self, kind: Kind, rounds: Rounds) -> Rounds:
        """Returns `rounds`, which from now on rest until something of their kind is due."""
        rounds.rest = partial(self._come, kind)
        return rounds

    async def _look(self) -> bool:
        for kind in await due(self._sessions):
            self._due[kind].set()
        return False

    async def _come(self, kind: Kind) -> None:
        """Waits until something is due, or for long: nothing may hang on one look alone."""
        try:
            async with asyncio.timeout(_ANYWAY_SECONDS):
                await self._due[kind].wait()
        except TimeoutError:
            return
        self._due[kind].clear()
