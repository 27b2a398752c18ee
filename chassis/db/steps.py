"""Applies the steps of a folder of migrations by Alembic, without its command line."""

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def apply(connection: Connection, folder: Path, to: str) -> str | None:
    """Applies what is missing up to the revision `to`, one transaction a step.

    `folder` holds `versions/0001_name.py` and so on. Returns the revision reached.
    """
    script = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])

    def missing(current: Any, _: MigrationContext) -> Any:
        return script._upgrade_revs(to, current)

    with EnvironmentContext(Config(), script, fn=missing, destination_rev=to) as environment:
        environment.configure(connection=connection, transaction_per_migration=True)
        with environment.begin_transaction():
            environment.run_migrations()
        return MigrationContext.configure(connection).get_current_revision()
