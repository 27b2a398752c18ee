"""One partition a day, made ahead or when the first message of the day comes."""

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

TABLES = ("messages", "attempts", "parts", "doubt_marks")


class DayGone(Exception):
    """The day was let go of: nothing of it may be stored again, or it might be sent again."""


async def missing(session: AsyncSession, day: date) -> bool:
    """Whether the day has no partition yet; locks nothing."""
    return await session.scalar(_FOUND, {"name": name("messages", day)}) is None


async def create(session: AsyncSession, day: date) -> None:
    """Makes the day's partitions; others that want the same wait. Raises `DayGone`.

    Made as tables of their own and then attached, which holds no lock that stops reading.
    """
    await turn(session)
    if await session.scalar(_GONE, {"day": day}):
        raise DayGone
    for table in TABLES:
        made = name(table, day)
        if await session.scalar(_FOUND, {"name": made}) is not None:
            continue
        for statement in (
            f"CREATE TABLE {made} (LIKE {table} INCLUDING DEFAULTS) WITH (fillfactor = 50)",
            # Pages have room for a message's updates, so that no vacuum has to come between them,
            # and what is asked often does not go by statistics: to look at a tenth of a growing
            # day again and again cost 5 µs a message.
            f"ALTER TABLE {made} SET (autovacuum_analyze_scale_factor = 0.5)",
            f"ALTER TABLE {table} ATTACH PARTITION {made} FOR VALUES IN ('{day.isoformat()}')",
        ):
            await session.execute(text(statement))


async def create_past(session: AsyncSession, day: date) -> None:
    """Makes the month's partition of `past_messages` unless it is there."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    made = f"past_messages_{first:%Y%m}"
    await turn(session)
    if await session.scalar(_FOUND, {"name": made}) is not None:
        return
    await session.execute(text(f"CREATE TABLE {made} (LIKE past_messages)"))
    await session.execute(
        text(
            f"ALTER TABLE past_messages ATTACH PARTITION {made}"
            f" FOR VALUES FROM ('{first}') TO ('{following}')"
        )
    )


async def turn(session: AsyncSession) -> None:
    """Waits until nobody else makes or takes away a partition."""
    await session.execute(_TURN)


def name(table: str, day: date) -> str:
    """The name of a day's partition."""
    return f"{table}_{day:%Y%m%d}"


# Not by to_regclass(), which does not see what others committed while this one waited its turn.
_FOUND = text("SELECT 1 FROM pg_class WHERE relname = :name AND pg_table_is_visible(oid)")
_TURN = text("SELECT pg_advisory_xact_lock(hashtext('notifier partitions'))")
_GONE = text("SELECT EXISTS (SELECT 1 FROM gone_days WHERE run_date = :day)")
