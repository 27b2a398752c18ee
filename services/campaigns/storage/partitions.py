"""Partitions of recipients: one a day, by the date of the run."""

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.storage.tables import recipients

# The recipients of a chunk lie side by side, and a report moves all of them at once: a page needs
# room for a second version of each, or the indexes are written again.
_FILLFACTOR = 45

# Statistics are taken anew after every plan and as rows move, of 300 rows for each of these: the
# usual 100, and so 30,000 rows, took 0.2 s each time.
_STATISTICS = 10


def partition(day: date) -> str:
    """Return the name of a day's partition."""
    return f"recipients_{day:%Y%m%d}"


async def make(session: AsyncSession, day: date) -> None:
    """Make a day's partition unless it is there; in a transaction of its own.

    Attaching takes a weaker lock than creating it in place: nobody who reads or writes waits.
    """
    name = partition(day)
    await session.execute(_TURN)
    if await session.scalar(_FIND, {"name": name}) is not None:
        return
    await session.execute(
        text(f"""
        CREATE TABLE {name} (LIKE recipients INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
        WITH (fillfactor = {_FILLFACTOR}, autovacuum_analyze_scale_factor = 0.5)
        """)
    )
    columns = ", ".join(
        f"ALTER COLUMN {it.name} SET STATISTICS {_STATISTICS}" for it in recipients.c
    )
    await session.execute(text(f"ALTER TABLE {name} {columns}"))
    bounds = f"FROM ('{day}') TO ('{day + timedelta(days=1)}')"
    await session.execute(
        text(f"ALTER TABLE recipients ATTACH PARTITION {name} FOR VALUES {bounds}")
    )


_TURN = text("SELECT pg_advisory_xact_lock(hashtext('recipients partition'))")
_FIND = text("SELECT to_regclass(:name)")
