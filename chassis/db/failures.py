"""Tells a part that is away, or locks of others, from a statement that failed, and where."""

import asyncio
import traceback
from typing import Any

import psycopg
from sqlalchemy import exc

# Classes and codes of SQLSTATE by which a server says that it is going, coming or full.
_AWAY_CLASS = "08"
_AWAY = frozenset({"57P01", "57P02", "57P03", "57P05", "53300", "25006"})

# A serialization failure, a deadlock, a lock that was not had in time.
_CONTENDED = frozenset({"40001", "40P01", "55P03"})


def is_away(error: BaseException) -> bool:
    """Return True if `error` means that the database or the network is away, not the request.

    A statement timeout is not that, nor what `is_contended` tells.
    """
    if isinstance(error, exc.TimeoutError):  # every connection of the pool is in use
        return True
    if isinstance(error, exc.DBAPIError):
        if error.connection_invalidated:
            return True
        if not isinstance(error, exc.OperationalError | exc.InterfaceError):
            return False
        sqlstate = getattr(error.orig, "sqlstate", None)
        return sqlstate is None or sqlstate.startswith(_AWAY_CLASS) or sqlstate in _AWAY
    return isinstance(error, ConnectionError | asyncio.IncompleteReadError)


def is_contended(error: BaseException) -> bool:
    """Return True if `error` means that other transactions were in the way of this one.

    The same transaction succeeds once they are over.
    """
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return getattr(cause, "sqlstate", None) in _CONTENDED


def told(statement: str | None, error: psycopg.Error, raw: Any) -> Exception:
    """Return what the engine itself would raise for an `error` of a connection below it."""
    return exc.DBAPIError.instance(
        statement,
        None,
        error,
        psycopg.Error,
        hide_parameters=True,
        connection_invalidated=bool(raw.closed),
        dialect=None,
    )


def where(error: BaseException) -> str:
    """Return the places `error` passed, innermost last, without its text, which may hold data."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
