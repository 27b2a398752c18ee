"""The loop of a worker: one round after the other while there is more to do, then a rest."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chassis import errors

log = structlog.get_logger(__name__)


class Rounds:
    """A background task that does rounds for ever; several replicas share the work."""

    def __init__(self, name: str, do: Callable[[], Awaitable[bool]], every_seconds: float) -> None:
        """`do` does one round and returns whether there may be more to do at once."""
        self.__qualname__ = name
        self._do = do
        self._every_seconds = every_seconds

    async def __call__(self) -> None:
        """Runs for ever; a database or peer that is away makes it wait."""
        while True:
            try:
                while await self._do():
                    pass
            except (SQLAlchemyError, OSError, errors.Unavailable) as away:
                log.info("round_postponed", task=self.__qualname__, error=type(away).__name__)
            await asyncio.sleep(self._every_seconds)
