"""What time alone moves: deferred messages that are due, doubts too old, runs that ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.states import Next, Purpose
from services.notifier.domain.work import Run
from services.notifier.storage import rows


@dataclass(frozen=True)
class Due:
    """What a sweep would find."""

    receipts: bool
    lapsed: bool
    deferred: bool
    runs: bool


async def due(session: AsyncSession) -> Due:
    """Looks, in one statement, whether there is anything to sweep; locks nothing."""
    found = (await session.execute(_DUE)).one()
    return Due(found.receipts, found.lapsed, found.deferred, found.runs)


async def requeue_due(session: AsyncSession, limit: int) -> list[rows.Message]:
    """Queues deferred messages whose time has come; passes over locked ones."""
    return await _moved(session, _REQUEUE_DUE, limit=limit)


async def end_run(session: AsyncSession, run: Run, to: Next, limit: int) -> list[rows.Message]:
    """Ends up to `limit` waiting messages of a run; passes over locked ones."""
    return await _moved(
        session,
        _END_RUN,
        limit=limit,
        day=run.run_date,
        run_id=run.run_id,
        state=int(to.state),
        reason=to.reason.value,
    )


async def expire_due(session: AsyncSession, run: Run, limit: int) -> list[rows.Message]:
    """Expires up to `limit` waiting messages of a run whose time has passed."""
    return await _moved(session, _EXPIRE_DUE, limit=limit, day=run.run_date, run_id=run.run_id)


async def past_their_time(session: AsyncSession) -> list[UUID]:
    """Busy runs whose `not_after` has passed by the database's clock; locks nothing."""
    return [row.run_id for row in await session.execute(_PAST)]


async def abandon(session: AsyncSession, older_than: float, limit: int) -> list[rows.Message]:
    """Gives up doubts of MARKETING and CARE older than so many seconds."""
    purposes = [Purpose.MARKETING, Purpose.CARE, Purpose.CONSENT_REQUEST]
    return await _doubts(session, _ABANDON, purposes, older_than, limit)


async def send_again(session: AsyncSession, older_than: float, limit: int) -> list[rows.Message]:
    """Queues doubts of TRANSACTIONAL older than so many seconds, for a new attempt."""
    return await _doubts(session, _SEND_AGAIN, [Purpose.TRANSACTIONAL], older_than, limit)


async def _doubts(
    session: AsyncSession,
    statement: Any,
    purposes: Sequence[Purpose],
    older_than: float,
    limit: int,
) -> list[rows.Message]:
    return await _moved(
        session,
        statement,
        limit=limit,
        purposes=[int(it) for it in purposes],
        age=timedelta(seconds=older_than),
    )


async def _moved(session: AsyncSession, statement: Any, **given: object) -> list[rows.Message]:
    return [rows.message(row) for row in await session.execute(statement, given)]


def _move(pick: str, change: str) -> Any:
    return text(f"""
        WITH picked AS ({pick} LIMIT :limit FOR UPDATE SKIP LOCKED)
        UPDATE messages m
        SET {change}, lease_until = NULL, revision = m.revision + 1, updated_at = now()
        FROM picked
        WHERE m.run_date = picked.run_date AND m.message_id = picked.message_id
        RETURNING {rows.MESSAGE_COLUMNS}
    """)  # noqa: S608 (constant parts)


_REQUEUE_DUE = _move(
    "SELECT run_date, message_id FROM messages WHERE state = 3 AND not_before <= now()",
    "state = 1, reason = '', not_before = NULL",
)
_END_RUN = _move(
    """SELECT run_date, message_id FROM messages
       WHERE run_date = :day AND run_id = :run_id AND state IN (1, 3)""",
    "state = :state, reason = :reason, not_before = NULL",
)
_EXPIRE_DUE = _move(
    """SELECT m.run_date, m.message_id FROM messages m
       WHERE m.run_date = :day AND m.run_id = :run_id AND m.state IN (1, 3)
         AND m.not_after <= now()""",
    "state = 6, reason = 'TIME_PASSED', not_before = NULL",
)
_ABANDON = _move(
    """SELECT run_date, message_id FROM messages
       WHERE state = 7 AND purpose = ANY(CAST(:purposes AS smallint[]))
         AND updated_at < now() - CAST(:age AS interval)""",
    "state = 12, reason = 'DOUBT_TOO_OLD'",
)
_SEND_AGAIN = _move(
    """SELECT run_date, message_id FROM messages
       WHERE state = 7 AND purpose = ANY(CAST(:purposes AS smallint[]))
         AND updated_at < now() - CAST(:age AS interval)
         AND (not_after IS NULL OR not_after > now())""",
    "state = 1, reason = 'SENT_AGAIN'",
)
_DUE = text("""
    SELECT
        EXISTS (SELECT 1 FROM receipts WHERE applied_at IS NULL) AS receipts,
        EXISTS (SELECT 1 FROM messages
                WHERE state = 2 AND lease_until < clock_timestamp()) AS lapsed,
        EXISTS (SELECT 1 FROM messages WHERE state = 3 AND not_before <= now()) AS deferred,
        EXISTS (SELECT 1 FROM runs WHERE busy AND (state IN ('CANCELLED', 'EXPIRED')
                OR not_after <= now())) AS runs
""")
_PAST = text("SELECT run_id FROM runs WHERE busy AND not_after <= now() LIMIT 100")
