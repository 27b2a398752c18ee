"""A service's database for all tests of a session, which use it one after the other."""

from collections.abc import Sequence

from pydantic import SecretStr
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings


def migrate(url: str, package: str) -> str:
    """Bring a database to the newest schema of a service (`services.leads`); returns its URL."""
    unused = SecretStr("unused")
    settings = ServiceSettings(
        database_url=SecretStr(url),
        seal_key=unused,
        client_secret=unused,
        nats_url="unused",
        issuer_url="unused",
        client_id="unused",
    )
    db.upgrade(settings, package)
    return url


async def empty(sessions: db.Sessions, kept: Sequence[str] = ()) -> None:
    """Take every row out of every table but those `kept`.

    Rows are deleted, and tables not truncated: that makes new files for each of them and for each
    of its indexes and partitions, which took longer than most tests. A table that refers to
    another was made after it, so the newest is emptied first.
    """
    query = text(
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind IN ('r', 'p')"
        " AND NOT relispartition AND relnamespace = 'public'::regnamespace"
        " AND relname <> ALL (:kept) ORDER BY pg_class.oid DESC"
    )
    async with sessions.begin() as session:
        names = (await session.scalars(query, {"kept": ["alembic_version", *kept]})).all()
        deletions = " ".join(f"DELETE FROM {name};" for name in names)  # noqa: S608 (our own names)
        await session.execute(text(f"DO $$ BEGIN {deletions} END $$"))
