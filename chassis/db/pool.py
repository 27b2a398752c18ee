"""One pooled engine per process, and sessions that end with it."""

import time
from typing import Any
from weakref import WeakSet

import psycopg
from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from chassis import metrics
from chassis.config import ServiceSettings
from chassis.db import outbox
from chassis.errors import Check, Unavailable

Sessions = async_sessionmaker[AsyncSession]

# The app closes what was opened without every main having to hand it over.
_opened: WeakSet[Sessions] = WeakSet()


def sessions(settings: ServiceSettings, service: str | None = None) -> Sessions:
    """Opens nothing yet: connections are made when first used, at most `database_pool_size`.

    `service` names the audit subject; the process's own identity by default.
    """
    service = service or settings.client_id
    engine = create_async_engine(
        make_url(settings.database_url.get_secret_value()),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        # An exception's text must not carry the values of a statement into the logs.
        hide_parameters=True,
        connect_args={
            "application_name": f"{service}/{settings.instance}"[:63],
            "connect_timeout": 5,
            # A transaction pooler hands each transaction another server connection.
            "prepare_threshold": None,
        },
    )
    _observe(engine, settings.database_statement_timeout_seconds)
    made = async_sessionmaker(
        engine,
        expire_on_commit=False,
        sync_session_class=outbox.NudgingSession,
        info={"service": service},
    )
    _opened.add(made)
    return made


def engine(made: Sessions) -> AsyncEngine:
    """The engine behind the sessions, for COPY and other work below the session."""
    bound: AsyncEngine = made.kw["bind"]
    return bound


async def driver(session: AsyncSession) -> psycopg.AsyncConnection[Any]:
    """The connection below the session, in its transaction, for COPY; never commit on it."""
    connection = await session.connection()
    raw = (await connection.get_raw_connection()).driver_connection
    if not isinstance(raw, psycopg.AsyncConnection):
        raise TypeError(f"not a psycopg connection: {type(raw).__name__}")
    return raw


async def allow(session: AsyncSession, seconds: float) -> None:
    """Lets the statements of this transaction take longer than the setting, for bulk work."""
    await session.execute(_ALLOW, {"bound": f"{int(seconds * 1000)}"})


def check(made: Sessions) -> Check:
    """A readiness check: the database answers."""

    async def database_answers() -> None:
        try:
            async with made() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError) as away:
            raise Unavailable("DATABASE_AWAY", type(away).__name__) from away

    return database_answers


def opened() -> list[Sessions]:
    """All sessions opened by this process and not yet disposed."""
    return list(_opened)


async def dispose(made: Sessions) -> None:
    """Closes every connection of the pool; the sessions cannot be used afterwards."""
    _opened.discard(made)
    await engine(made).dispose()


def _observe(made: AsyncEngine, statement_timeout_seconds: float) -> None:
    """Bounds every statement and measures every transaction."""
    milliseconds = int(statement_timeout_seconds * 1000)
    # LOCAL, because a session setting would stay with a pooler's server connection.
    bound = (
        f"SET LOCAL statement_timeout = {milliseconds}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}"
    )

    @event.listens_for(made.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.info["began"] = time.perf_counter()
        cursor = connection.connection.cursor()
        cursor.execute(bound)
        cursor.close()

    @event.listens_for(made.sync_engine, "commit")
    def _commit(connection: Connection) -> None:
        _measure(connection, "commit")

    @event.listens_for(made.sync_engine, "rollback")
    def _rollback(connection: Connection) -> None:
        _measure(connection, "rollback")

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


_ALLOW = text("""
    SELECT set_config('statement_timeout', :bound, true),
           set_config('idle_in_transaction_session_timeout', :bound, true)
""")
