"""Brings a service's schema to the revision its code needs, and says when it is behind."""

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, create_engine, make_url, pool, text
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from chassis import metrics
from chassis.config import ServiceSettings
from chassis.db.pool import Sessions, look
from chassis.errors import Check, Unavailable

# A migration that waits for a lock makes every later query wait behind it: give up, try again.
LOCK_TIMEOUT_MS = 5_000
_ATTEMPTS = 6
_TURN_TIMEOUT_MS = 600_000

log = structlog.get_logger(__name__)


def upgrade(settings: ServiceSettings, package: str, to: str = "head") -> str | None:
    """Applies the migrations of `package` (`services.leads`) one transaction each.

    Replicas take turns by an advisory lock. Returns the revision reached. Raises what the
    database raises when a lock was not had in several attempts or a statement is wrong.
    """
    newest = max(revisions(package), default=None)
    engine = create_engine(
        make_url(settings.database_url.get_secret_value()),
        poolclass=pool.NullPool,
        hide_parameters=True,
        connect_args={"application_name": f"{package} migrate", "connect_timeout": 10},
    )
    try:
        with _turn(engine, package) as found:
            is_current = to == "head" and found is not None and found == newest
            reached = found if is_current else _apply(engine, package, to)
    finally:
        engine.dispose()
    log.info("schema_migrated", package=package, revision=reached)
    return reached


def _apply(engine: Engine, package: str, to: str) -> str | None:
    # Loading Alembic takes longer than all else; where nothing is missing nobody need.
    from chassis.db import steps

    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with engine.connect() as connection:
                _bound(connection)
                return steps.apply(connection, _folder(package), to)
        except OperationalError as refused:
            if getattr(refused.orig, "sqlstate", "") != "55P03" or attempt == _ATTEMPTS:
                raise
            log.warning("migration_waits_for_lock", package=package, attempt=attempt)
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def revisions(package: str) -> frozenset[str]:
    """The revisions that the code of `package` knows, from the numbers of its files.

    The greatest is the one it needs. Numbers are linear, so Alembic need not be loaded.
    """
    return frozenset(it.name[:4] for it in (_folder(package) / "versions").glob("[0-9]*_*.py"))


def revision_check(made: Sessions, package: str) -> Check:
    """A readiness check: the schema is not behind; one ahead (a newer release's) is fine."""
    known = revisions(package)
    needed = max(known, default=None)

    async def schema_is_current() -> None:
        try:
            row = await look(made, _CURRENT)
        except ProgrammingError:
            row = None
        except (SQLAlchemyError, OSError) as away:
            raise Unavailable("DATABASE_AWAY", type(away).__name__) from away
        found = row[0] if row else None
        behind = found != needed and (found is None or found in known)
        metrics.schema_behind.set(behind)
        if behind:
            text_of_it = f"the schema needs revision {needed} and has {found or 'none'}"
            raise Unavailable("SCHEMA_BEHIND", text_of_it, needed=needed, found=found)

    return schema_is_current


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not a package")
    return Path(next(iter(spec.submodule_search_locations))) / "migrations"


@contextmanager
def _turn(engine: Engine, package: str) -> Iterator[str | None]:
    """Waits until no other replica migrates, and tells the revision found then.

    A transaction's lock also works through a pooler.
    """
    with engine.begin() as guard:
        guard.execute(text(f"SET LOCAL lock_timeout = {_TURN_TIMEOUT_MS}"))
        guard.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        number = zlib.crc32(f"migrate {package}".encode())
        guard.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
        # Ends the query above, whose snapshot CREATE INDEX CONCURRENTLY would wait for.
        guard.execute(text("SET LOCAL lock_timeout = 0"))
        yield _found(engine)


def _found(engine: Engine) -> str | None:
    """The revision the database has, None if it is empty."""
    try:
        with engine.connect() as connection:
            return connection.execute(text(_CURRENT)).scalar()
    except ProgrammingError:
        return None


def _bound(connection: Connection) -> None:
    connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
    connection.execute(text("SET statement_timeout = 0"))
    connection.commit()


_CURRENT = "SELECT version_num FROM alembic_version"
