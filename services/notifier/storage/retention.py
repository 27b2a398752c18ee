"""Old days: figures and a short row a message stay, and the day's partitions go whole.

First both are written while everything is in place; then the partitions are taken out, after which
nobody can change them; then what changed in between is written, and they are dropped. Each step
may be repeated, so that it may stop between any two.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.work import NOBODY
from services.notifier.storage import partitions

_MOST_WAIT = "200ms"
FIRST = NOBODY


class Unsettled(Exception):
    """Something of the day is at work (again); the transaction can only roll back."""


async def unfinished(session: AsyncSession) -> date | None:
    """The first day that was taken out and not dropped."""
    found: date | None = await session.scalar(_UNFINISHED)
    return found


async def due(session: AsyncSession, keep: timedelta) -> date | None:
    """The oldest day older than `keep` of which nothing is at work; locks nothing."""
    for (name,) in await session.execute(_PARTITIONS):
        day = datetime.strptime(name.removeprefix("messages_"), "%Y%m%d").date()  # noqa: DTZ007
        if not await session.scalar(_IS_OLD, {"day": day, "keep": keep}):
            return None
        if await _is_settled(session, day, keep):
            return day
    return None


async def keep_short(session: AsyncSession, day: date, after: UUID, limit: int) -> UUID | None:
    """Keeps a short row of the next messages of a day; returns how far, None at the end."""
    statement = _KEEP.format(table=await _table(session, "messages", day))
    given = {"after": after, "limit": limit}
    reached: UUID | None = await session.scalar(text(statement), given)
    return reached


async def keep_totals(session: AsyncSession, day: date) -> None:
    """Counts the messages of each run of a day by state, reason and rule."""
    table = await _table(session, "messages", day)
    await session.execute(_FORGET_TOTALS, {"day": day})
    await session.execute(text(_TOTALS.format(table=table)), {"day": day})


async def detach(session: AsyncSession, day: date, keep: timedelta) -> None:
    """Takes a day's partitions out and notes that it is gone; nobody waits for long.

    Raises `Unsettled`, or what the driver does when a table was held for longer than that.
    """
    await session.execute(text(f"SET LOCAL lock_timeout = '{_MOST_WAIT}'"))
    await partitions.turn(session)
    if not await _is_settled(session, day, keep):
        raise Unsettled
    await session.execute(_GO, {"day": day})
    for table in partitions.TABLES:
        name = partitions.name(table, day)
        await session.execute(text(f"ALTER TABLE {table} DETACH PARTITION {name}"))
        await session.execute(text(f"ALTER TABLE {name} RENAME TO {_gone(table, day)}"))
    # Whoever stored a message since it was looked at has committed by now, and left a trace here.
    if not await session.scalar(_IS_QUIET, {"day": day, "keep": keep}):
        raise Unsettled


async def drop(session: AsyncSession, day: date) -> int | None:
    """Drops a day that was taken out; returns how many messages it had.

    None if a short row is missing.
    """
    table = _gone("messages", day)
    ((total, kept),) = await session.execute(text(_COMPARED.format(table=table)), {"day": day})
    if kept != total:
        return None
    for each in partitions.TABLES:
        await session.execute(text(f"DROP TABLE {_gone(each, day)}"))
    await session.execute(_DROPPED, {"day": day})
    return int(total)


async def _is_settled(session: AsyncSession, day: date, keep: timedelta) -> bool:
    if not await session.scalar(_IS_QUIET, {"day": day, "keep": keep}):
        return False
    return not await session.scalar(_HAS_UNSETTLED, {"day": day})


async def _table(session: AsyncSession, table: str, day: date) -> str:
    gone = _gone(table, day)
    if await session.scalar(_FOUND, {"name": gone}) is None:
        return partitions.name(table, day)
    return gone


def _gone(table: str, day: date) -> str:
    return f"gone_{partitions.name(table, day)}"


_UNFINISHED = text("""
    SELECT run_date FROM gone_days WHERE dropped_at IS NULL ORDER BY run_date LIMIT 1
""")
_PARTITIONS = text("""
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('messages') ORDER BY c.relname
""")
_FOUND = text("SELECT 1 FROM pg_class WHERE relname = :name AND pg_table_is_visible(oid)")
_IS_OLD = text("SELECT CAST(:day AS date) < (now() - CAST(:keep AS interval))::date")
# Nothing is waiting, held, paused or lately heard of, and no request can be asked again.
_IS_QUIET = text("""
    SELECT NOT EXISTS (
        SELECT 1 FROM runs WHERE run_date = :day
        AND (busy OR state = 'PAUSED' OR updated_at > now() - CAST(:keep AS interval))
    ) AND NOT EXISTS (SELECT 1 FROM ready WHERE run_date = :day)
    AND NOT EXISTS (SELECT 1 FROM claims WHERE run_date = :day OR :day = ANY(dates))
    AND NOT EXISTS (
        SELECT 1 FROM message_keys
        WHERE created_at < CAST(:day AS date) + 2 AND run_date = :day
    )
""")
_HAS_UNSETTLED = text("""
    SELECT EXISTS (SELECT 1 FROM messages WHERE run_date = :day AND state IN (1, 2, 3, 7))
""")
_KEPT = """run_date, message_id, seq, run_id, contact_id, channel, purpose, advertiser_id,
    address_key, state, reason, rule, revision, created_at, updated_at"""
_KEEP = f"""
    WITH next AS (
        SELECT * FROM {{table}} WHERE message_id > :after ORDER BY message_id LIMIT :limit
    ), kept AS (
        INSERT INTO past_messages AS p ({_KEPT})
        SELECT {_KEPT} FROM next
        ON CONFLICT (message_id, run_date) DO UPDATE SET state = excluded.state,
            reason = excluded.reason, rule = excluded.rule, revision = excluded.revision,
            updated_at = excluded.updated_at
        WHERE p.revision <> excluded.revision
    )
    SELECT message_id FROM next ORDER BY message_id DESC LIMIT 1
"""  # noqa: S608 (constant columns, and the name of a day's table)
_FORGET_TOTALS = text("DELETE FROM run_totals WHERE run_date = :day")
_TOTALS = """
    INSERT INTO run_totals (run_id, run_date, state, reason, rule, messages)
    SELECT run_id, :day, state, reason, rule, count(*) FROM {table}
    WHERE run_id IS NOT NULL GROUP BY run_id, state, reason, rule
"""
_COMPARED = """
    SELECT count(*), count(p.message_id) FROM {table} m
    LEFT JOIN past_messages p
        ON p.run_date = :day AND p.message_id = m.message_id AND p.revision = m.revision
"""
_GO = text("INSERT INTO gone_days (run_date) VALUES (:day)")
_DROPPED = text("UPDATE gone_days SET dropped_at = now() WHERE run_date = :day")
