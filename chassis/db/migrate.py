"""Brings a service's schema to the revision its code needs, and says when it is behind."""

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, make_url, pool, text
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from chassis.config import ServiceSettings
from chassis.db.pool import Sessions
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
    script = _script(package)
    engine = create_engine(
        make_url(settings.database_url.get_secret_value()),
        poolclass=pool.NullPool,
        hide_parameters=True,
        connect_args={"application_name": f"{package} migrate", "connect_timeout": 10},
    )
    try:
        with _turn(engine, package):
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    return _apply(engine, script, to)
                except OperationalError as refused:
                    if getattr(refused.orig, "sqlstate", "") != "55P03" or attempt == _ATTEMPTS:
                        raise
                    log.warning("migration_waits_for_lock", package=package, attempt=attempt)
                    time.sleep(0.2 * 2**attempt)
    finally:
        engine.dispose()
    raise AssertionError("the last attempt returns or raises")


def head(package: str) -> str | None:
    """The revision that the code of `package` needs; None when it has no migrations."""
    return _script(package).get_current_head()


def revision_check(made: Sessions, package: str) -> Check:
    """A readiness check: the schema is not behind; one ahead (a newer release's) is fine."""
    script = _script(package)
    needed = script.get_current_head()
    known = {it.revision for it in script.walk_revisions()}

    async def schema_is_current() -> None:
        try:
            async with made() as session:
                found = await session.scalar(_CURRENT)
        except ProgrammingError:
            found = None
        except (SQLAlchemyError, OSError) as away:
            raise Unavailable("DATABASE_AWAY", type(away).__name__) from away
        if found != needed and (found is None or found in known):
            text_of_it = f"the schema needs revision {needed} and has {found or 'none'}"
            raise Unavailable("SCHEMA_BEHIND", text_of_it, needed=needed, found=found)

    return schema_is_current


def _script(package: str) -> ScriptDirectory:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not a package")
    folder = Path(next(iter(spec.submodule_search_locations))) / "migrations"
    return ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])


@contextmanager
def _turn(engine: Engine, package: str) -> Iterator[None]:
    """Waits until no other replica migrates; a transaction's lock also works through a pooler."""
    with engine.begin() as guard:
        guard.execute(text(f"SET LOCAL lock_timeout = {_TURN_TIMEOUT_MS}"))
        guard.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        number = zlib.crc32(f"migrate {package}".encode())
        guard.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
        # Ends the query above, whose snapshot CREATE INDEX CONCURRENTLY would wait for.
        guard.execute(text("SET LOCAL lock_timeout = 0"))
        yield


def _apply(engine: Engine, script: ScriptDirectory, to: str) -> str | None:
    def revisions(current: Any, _: MigrationContext) -> Any:
        return script._upgrade_revs(to, current)

    with (
        engine.connect() as connection,
        EnvironmentContext(Config(), script, fn=revisions, destination_rev=to) as environment,
    ):
        _bound(connection)
        environment.configure(connection=connection, transaction_per_migration=True)
        with environment.begin_transaction():
            environment.run_migrations()
        reached = MigrationContext.configure(connection).get_current_revision()
        log.info("schema_migrated", revision=reached)
        return reached


def _bound(connection: Connection) -> None:
    connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
    connection.execute(text("SET statement_timeout = 0"))
    connection.commit()


_CURRENT = text("SELECT version_num FROM alembic_version")
