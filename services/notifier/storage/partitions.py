"""One partition a day, made when the first message of the day comes."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

TABLES = ("messages", "attempts", "parts", "doubt_marks")


async def missing(session: AsyncSession, day: date) -> bool:
    """Whether the day has no partition yet; locks nothing."""
    return await session.scalar(_FOUND, {"name": _name("messages", day)}) is None


async def create(session: AsyncSession, day: date) -> None:
    """Makes the day's partitions; others that want the same wait.

    Made as tables of their own and then attached, which holds no lock that stops reading.
    """
    await session.execute(_TURN)
    for table in TABLES:
        name = _name(table, day)
        if await session.scalar(_FOUND, {"name": name}) is not None:
            continue
        for statement in (
            f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS) WITH (fillfactor = 50)",
            # Updated twice a message: the default of a fifth would come too late.
            f"ALTER TABLE {name} SET (autovacuum_vacuum_scale_factor = 0.05)",
            f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES IN ('{day.isoformat()}')",
        ):
            await session.execute(text(statement))


def _name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


# Not by to_regclass(), which does not see what others committed while this one waited its turn.
_FOUND = text("SELECT 1 FROM pg_class WHERE relname = :name AND pg_table_is_visible(oid)")
_TURN = text("SELECT pg_advisory_xact_lock(hashtext('notifier partitions'))")
