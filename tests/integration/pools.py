"""Connections that tests leave open for those after them.

A connection has to learn a database's tables, and an engine to compile each statement: together
that takes longer than most tests.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chassis import db
from chassis.config import ServiceSettings


class Pools:
    """One pool for each database and the bounds that its connections have."""

    def __init__(self) -> None:
        self._held: dict[tuple[object, ...], db.Sessions] = {}

    @asynccontextmanager
    async def open(self, settings: ServiceSettings, service: str) -> AsyncIterator[db.Sessions]:
        """Sessions for one test; a pool of which it gives nothing back is closed."""
        key = (
            settings.database_url.get_secret_value(),
            service,
            settings.database_pool_size,
            settings.database_statement_timeout_seconds,
        )
        if key not in self._held:
            self._held[key] = db.sessions(settings, service)
        made = self._held[key]
        yield made
        pool: Any = db.engine(made).pool
        if pool.checkedout():
            del self._held[key]
            await db.dispose(made)

    async def close(self) -> None:
        """Close every connection."""
        for made in self._held.values():
            await db.dispose(made)
