"""One pooled engine per process, and sessions that end with it."""

import select
import time
from collections.abc import Mapping
from typing import Any, LiteralString
from weakref import WeakKeyDictionary, WeakSet

import psycopg
from sqlalchemy import Connection, event, exc, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from chassis.config import ServiceSettings
from chassis.db import failures, measuring, outbox
from chassis.errors import Check, Unavailable

Sessions = async_sessionmaker[AsyncSession]

# A connection that rested longer is asked whether it lives; one in use needs no such round trip.
_RESTED_SECONDS = 5.0
_USED_AT = "used at"
_BEGIN = "begin"  # what has to be sent before anything of the transaction
# Below 1, so that who waited for a lock is told so, and not that its statement was slow.
_LOCK_SHARE = 0.5

# The app closes what was opened without every main having to hand it over.
_opened: WeakSet[Sessions] = WeakSet()
_asides: WeakKeyDictionary[Sessions, Sessions] = WeakKeyDictionary()


def sessions(
    settings: ServiceSettings,
    service: str | None = None,
    *,
    carrying: Mapping[str, Any] | None = None,
) -> Sessions:
    """Opens nothing yet: connections are made when first used, at most `database_pool_size`.

    One more is `aside`.

    `service` names the audit subject; the process's own identity by default. What they are
    `carrying` is in the `info` of each.
    """
    made = _made(settings, service, settings.database_pool_size, carrying)
    measuring.count(engine(made))
    _opened.add(made)
    _asides[made] = _made(settings, service, 1, carrying)
    return made


def aside(made: Sessions) -> Sessions:
    """One connection beside the pool of `made`, made when first used.

    For what must be known above all while everybody else waits for a connection.
    """
    return _asides[made]


def _made(
    settings: ServiceSettings, service: str | None, size: int, carrying: Mapping[str, Any] | None
) -> Sessions:
    service = service or settings.client_id
    engine = create_async_engine(
        make_url(settings.database_url.get_secret_value()),
        poolclass=measuring.Pool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        # An exception's text must not carry the values of a statement into the logs.
        hide_parameters=True,
        connect_args={
            "application_name": f"{service}/{settings.instance}"[:63],
            "connect_timeout": 5,
            # A transaction pooler hands each transaction another server connection.
            "prepare_threshold": None,
            # BEGIN is ours to send, in one round trip with the bounds (`_bound`).
            "autocommit": True,
        },
    )
    _find_dead(engine)
    _bound(engine, settings.database_statement_timeout_seconds)
    measuring.observe(engine)
    return async_sessionmaker(
        engine,
        expire_on_commit=False,
        sync_session_class=outbox.NudgingSession,
        info={"service": service, **(carrying or {})},
    )


def engine(made: Sessions) -> AsyncEngine:
    """The engine behind the sessions, for COPY and other work below the session."""
    bound: AsyncEngine = made.kw["bind"]
    return bound


async def driver(session: AsyncSession) -> psycopg.AsyncConnection[Any]:
    """The connection below the session, in its transaction, for COPY; never commit on it."""
    raw, info = await unbegun(session)
    if _BEGIN in info:
        try:
            await raw.execute(info[_BEGIN])
        except psycopg.Error as error:
            if raw.closed:
                await (await session.connection()).invalidate(error)
            raise failures.told(info[_BEGIN], error, raw) from error
        begun(info)
    return raw


async def unbegun(session: AsyncSession) -> tuple[psycopg.AsyncConnection[Any], dict[Any, Any]]:
    """As `driver`, where the caller sends `beginning` before all else, and says so by `begun`."""
    connection = await session.connection()
    pooled = await connection.get_raw_connection()
    raw = pooled.driver_connection
    if not isinstance(raw, psycopg.AsyncConnection):
        raise TypeError(f"not a psycopg connection: {type(raw).__name__}")
    return raw, pooled.info


def beginning(info: dict[Any, Any]) -> list[str]:
    """The statements that begin a transaction; none once they were sent."""
    statements: str = info.get(_BEGIN, "")
    return statements.split("; ") if statements else []


def begun(info: dict[Any, Any]) -> None:
    """Notes that what begins the transaction was executed."""
    info.pop(_BEGIN, None)


async def allow(session: AsyncSession, seconds: float) -> None:
    """Lets the statements of this transaction take longer than the setting, for bulk work."""
    milliseconds = int(seconds * 1000)
    bounds = {"bound": f"{milliseconds}", "lock": f"{int(milliseconds * _LOCK_SHARE)}"}
    await session.execute(_ALLOW, bounds)


async def look(
    made: Sessions, statement: LiteralString, params: Mapping[str, object] | None = None
) -> tuple[Any, ...] | None:
    """Returns the first row of one statement, `%(name)s` where a parameter goes.

    One round trip instead of three: it is a transaction of its own and no bound is set, so it
    is for statements that cannot take long, and writes that may be done twice. Raises what a
    session would.
    """
    async with engine(made).connect() as connection:
        pooled = await connection.get_raw_connection()
        raw: Any = pooled.driver_connection
        try:
            row: tuple[Any, ...] | None = await (await raw.execute(statement, params)).fetchone()
        except psycopg.Error as error:
            if raw.closed:
                pooled.invalidate(error)
            raise failures.told(statement, error, raw) from error
    return row


async def fetch(
    session: AsyncSession, statement: str, params: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Returns the rows of one statement, `%(name)s` where a parameter goes; raises as a session.

    They come in PostgreSQL's binary form: bytes as they are, and not as twice as much text.
    """
    raw = await driver(session)
    try:
        async with raw.cursor(binary=True) as cursor:
            return await (await cursor.execute(statement.encode(), params)).fetchall()
    except psycopg.Error as error:
        raise failures.told(statement, error, raw) from error


def check(made: Sessions) -> Check:
    """A readiness check: the database answers."""

    async def database_answers() -> None:
        try:
            await look(made, "SELECT 1")
        except (SQLAlchemyError, OSError) as away:
            raise Unavailable("DATABASE_AWAY", type(away).__name__) from away

    return database_answers


def opened() -> list[Sessions]:
    """All sessions opened by this process and not yet disposed."""
    return list(_opened)


async def dispose(made: Sessions) -> None:
    """Closes every connection of the pool; the sessions cannot be used afterwards."""
    _opened.discard(made)
    for each in (made, aside(made)):
        await engine(each).dispose()


def _find_dead(made: AsyncEngine) -> None:
    """Replaces connections that ended while they rested, before anybody meets them."""

    @event.listens_for(made.sync_engine, "checkin")
    def _rests(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(made.sync_engine, "checkout")
    def _wakes(connection: Any, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        used_at = record.info.get(_USED_AT)
        if used_at is None:  # it was made just now
            return
        try:
            # A server that restarted has closed its end, which is seen without asking it.
            if time.monotonic() - used_at > _RESTED_SECONDS or _has_news(connection):
                made.sync_engine.dialect.do_ping(connection)
        except psycopg.Error as dead:
            raise exc.InvalidatePoolError from dead


def _has_news(connection: Any) -> bool:
    """True if the server sent something unasked: its end, or that a parameter changed."""
    poll = select.poll()
    poll.register(connection.driver_connection.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


def _bound(made: AsyncEngine, statement_timeout_seconds: float) -> None:
    """Bounds every statement of a transaction, and what it may wait for a lock.

    What begins it is sent with the first statement where that can be, or else before it.
    """
    milliseconds = int(statement_timeout_seconds * 1000)
    # LOCAL, because a session setting would stay with a pooler's server connection.
    bounds = (
        f"SET LOCAL statement_timeout = {milliseconds}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}; "
        f"SET LOCAL lock_timeout = {max(1, int(milliseconds * _LOCK_SHARE))}"
    )

    @event.listens_for(made.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        begun(connection.info)  # the transaction before may have had no statement
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            return
        raw: Any = connection.connection.dbapi_connection
        # With an isolation level of its own the driver begins by itself.
        connection.info[_BEGIN] = f"BEGIN; {bounds}" if raw.autocommit else bounds

    @event.listens_for(made.sync_engine, "before_cursor_execute")
    def _first(connection: Connection, *_: Any) -> None:
        statement = connection.info.get(_BEGIN)
        if statement is None:
            return
        raw: Any = connection.connection.dbapi_connection
        cursor = raw.cursor()
        try:
            cursor.execute(statement)
        except psycopg.Error as error:
            if raw.closed:
                connection.invalidate(error)
            raise failures.told(statement, error, raw) from error
        finally:
            cursor.close()
        begun(connection.info)


_ALLOW = text("""
    SELECT set_config('statement_timeout', :bound, true),
           set_config('idle_in_transaction_session_timeout', :bound, true),
           set_config('lock_timeout', :lock, true)
""")
