"""What an operator watches of a pool: waits for a connection, transactions, connections."""

import time
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from chassis import metrics


class Pool(AsyncAdaptedQueuePool):
    """Measures how long whoever needs a connection waits for it."""

    def _do_get(self) -> Any:
        began = time.perf_counter()
        try:
            return super()._do_get()
        finally:
            metrics.db_pool_wait_seconds.observe(time.perf_counter() - began)


def observe(made: AsyncEngine) -> None:
    """Measures every transaction."""

    @event.listens_for(made.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.info["began"] = time.perf_counter()

    @event.listens_for(made.sync_engine, "commit")
    def _commit(connection: Connection) -> None:
        _measure(connection, "commit")

    @event.listens_for(made.sync_engine, "rollback")
    def _rollback(connection: Connection) -> None:
        _measure(connection, "rollback")


def count(made: AsyncEngine) -> None:
    """Tells of the connections of the process's pool by state."""
    pool: Any = made.sync_engine.pool
    metrics.db_connections.labels("in_use").set_function(lambda: pool.checkedout())
    metrics.db_connections.labels("idle").set_function(lambda: pool.checkedin())


def _measure(connection: Connection, outcome: str) -> None:
    if connection.invalidated:
        # Cancelled within a statement; to ask it for anything would raise in place of that.
        return
    began = connection.info.pop("began", None)
    if began is not None:
        metrics.db_transaction_seconds.labels(outcome).observe(time.perf_counter() - began)
