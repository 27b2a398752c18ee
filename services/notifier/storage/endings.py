"""What ends the messages that wait in the line of a run, a stretch at a time."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.states import Next, Reason, State
from services.notifier.domain.work import Run
from services.notifier.storage import rows, runs

# Places of a line looked at in one statement: bounded, however long the line.
_STRETCH = 2_000


async def end_waiting(
    session: AsyncSession, run: Run, after: int, to: Next | None
) -> tuple[int, list[rows.Changed]]:
    """Ends what waits among the next places of a run's line; returns the last place looked at.

    Without `to` only those whose own time has passed expire. Passes over locked ones.
    """
    await rows.by_key(session)
    given = {
        "day": run.run_date,
        "run_id": run.run_id,
        "after": after,
        "until": after + _STRETCH,
        "all": to is not None,
        "state": int(to.state if to else State.EXPIRED),
        "reason": (to.reason if to else Reason.TIME_PASSED).value,
    }
    changed = [rows.Changed(*row) for row in await session.execute(_END_WAITING, given)]
    return after + _STRETCH, changed


async def close_line(session: AsyncSession, run: Run) -> None:
    """Notes that nothing waits in the line of a run that ended, as long as `run` knew it."""
    await session.execute(_CLOSE_LINE, {"run_id": run.run_id, "to": run.last_seq})
    await runs.rest(session, run.run_id)


_END_WAITING = text(f"""
    WITH picked AS (
        SELECT message_id FROM messages
        WHERE run_date = :day AND run_id = :run_id AND seq > :after AND seq <= :until
          AND state IN (1, 3) AND (:all OR not_after <= now())
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM ready
        WHERE message_id = ANY(ARRAY(SELECT message_id FROM picked)) AND run_date = :day
    )
    UPDATE messages m
    SET state = :state, reason = :reason, not_before = NULL, revision = m.revision + 1,
        updated_at = now()
    WHERE m.run_date = :day AND m.message_id = ANY(ARRAY(SELECT message_id FROM picked))
    RETURNING {rows.CHANGED_COLUMNS}
""")  # noqa: S608
_CLOSE_LINE = text("""
    UPDATE cursors SET claimed_to = :to WHERE run_id = :run_id AND claimed_to < :to
""")
