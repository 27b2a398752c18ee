"""Old recipients: a short row a contact is kept, and the day's partition is dropped whole."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.storage import partitions

_PREFIX = "recipients_"
_MOST_WAIT = "500ms"


async def due(session: AsyncSession, keep: timedelta) -> date | None:
    """Return the oldest day with rows whose runs all ended longer ago than `keep`."""
    for (name,) in await session.execute(_PARTITIONS):
        day = datetime.strptime(name.removeprefix(_PREFIX), "%Y%m%d").date()  # noqa: DTZ007 (a day)
        if await session.scalar(_IS_DUE, {"day": day, "keep": keep}):
            return day
    return None


async def runs(session: AsyncSession, day: date) -> Sequence[UUID]:
    """Return the runs of a day."""
    return list(await session.scalars(_RUNS, {"day": day}))


async def keep_short(
    session: AsyncSession, day: date, run_id: UUID, after: int, limit: int
) -> int | None:
    """Keep a short row of the next recipients of a run; returns how far, None at the end.

    What is kept already stays, so that it may be repeated from the start.
    """
    given = {"day": day, "run_id": run_id, "after": after, "limit": limit}
    reached: int | None = await session.scalar(_KEEP, given)
    return reached


async def drop(session: AsyncSession, day: date, keep: timedelta) -> bool:
    """Drop a day's partition, unless something speaks against it by now; nobody waits for long.

    False if a run of the day is open (again) or somebody's short row is missing. Raises what the
    driver does when others hold the table for longer than half a second.
    """
    name = partitions.partition(day)
    await session.execute(text(f"SET LOCAL lock_timeout = '{_MOST_WAIT}'"))
    if not await session.scalar(_IS_DUE, {"day": day, "keep": keep}):
        return False
    if await session.scalar(_MISSING, {"day": day}):
        return False
    await session.execute(text(f"ALTER TABLE recipients DETACH PARTITION {name}"))
    await session.execute(text(f"DROP TABLE {name}"))
    await session.execute(_GONE, {"day": day})
    return True


_PARTITIONS = text("""
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('recipients') ORDER BY c.relname
""")
_IS_DUE = text("""
    SELECT CAST(:day AS date) < (now() - CAST(:keep AS interval))::date AND NOT EXISTS (
        SELECT 1 FROM runs WHERE run_date = :day
        AND (end_time IS NULL OR end_time > now() - CAST(:keep AS interval))
    )
""")
_RUNS = text("SELECT id FROM runs WHERE run_date = :day ORDER BY id")
_KEEP = text("""
    WITH next AS (
        SELECT * FROM recipients
        WHERE run_date = :day AND run_id = :run_id AND ordinal > :after
        ORDER BY ordinal LIMIT :limit
    ), kept AS (
        INSERT INTO past_recipients (contact_id, run_id, channel, run_date, state, reason, time)
        SELECT contact_id, run_id, channel, run_date, state, reason, update_time
        FROM next WHERE state <> 'EXCLUDED'
        ON CONFLICT DO NOTHING
    )
    SELECT max(ordinal) FROM next
""")
_MISSING = text("""
    SELECT EXISTS (
        SELECT 1 FROM recipients r WHERE r.run_date = :day AND r.state <> 'EXCLUDED'
        AND NOT EXISTS (
            SELECT 1 FROM past_recipients p WHERE p.contact_id = r.contact_id
            AND p.run_id = r.run_id AND p.channel = r.channel
        )
    )
""")
_GONE = text("UPDATE runs SET rows_gone_at = now() WHERE run_date = :day")
