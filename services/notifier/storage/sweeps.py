"""What time alone moves: claims that lapsed, doubts too old, runs that ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Sessions, look
from services.notifier.domain.states import Purpose
from services.notifier.storage import claims, rows


@dataclass(frozen=True)
class Due:
    """What a sweep would find."""

    receipts: bool
    lapsed: bool
    runs: bool


async def due(sessions: Sessions) -> Due:
    """Looks, in one statement, whether there is anything to sweep; locks nothing."""
    return Due(*(await look(sessions, _DUE) or (False, False, False)))


async def abandon(session: AsyncSession, older_than: float, limit: int) -> list[rows.Changed]:
    """Gives up doubts of MARKETING and CARE older than so many seconds."""
    purposes = [Purpose.MARKETING, Purpose.CARE, Purpose.CONSENT_REQUEST]
    return await _doubts(session, _ABANDON, purposes, older_than, limit)


async def send_again(session: AsyncSession, older_than: float, limit: int) -> list[rows.Changed]:
    """Queues doubts of TRANSACTIONAL older than so many seconds, for a new attempt."""
    changed = await _doubts(session, _SEND_AGAIN, [Purpose.TRANSACTIONAL], older_than, limit)
    await claims.wait_again(session, changed, [None] * len(changed))
    return changed


async def _doubts(
    session: AsyncSession,
    statement: Any,
    purposes: Sequence[Purpose],
    older_than: float,
    limit: int,
) -> list[rows.Changed]:
    return await _moved(
        session,
        statement,
        limit=limit,
        purposes=[int(it) for it in purposes],
        age=timedelta(seconds=older_than),
    )


async def _moved(session: AsyncSession, statement: Any, **given: object) -> list[rows.Changed]:
    return [rows.Changed(*row) for row in await session.execute(statement, given)]


def _move(pick: str, change: str) -> Any:
    return text(f"""
        WITH picked AS ({pick} LIMIT :limit FOR UPDATE SKIP LOCKED)
        UPDATE messages m
        SET {change}, doubt_since = NULL, revision = m.revision + 1, updated_at = now()
        FROM picked
        WHERE m.run_date = picked.run_date AND m.message_id = picked.message_id
        RETURNING {rows.CHANGED_COLUMNS}
    """)  # noqa: S608 (constant parts)


_ABANDON = _move(
    """SELECT run_date, message_id FROM messages
       WHERE doubt_since IS NOT NULL AND state = 7 AND purpose = ANY(CAST(:purposes AS smallint[]))
         AND doubt_since < now() - CAST(:age AS interval)""",
    "state = 12, reason = 'DOUBT_TOO_OLD'",
)
_SEND_AGAIN = _move(
    """SELECT run_date, message_id FROM messages
       WHERE doubt_since IS NOT NULL AND state = 7 AND purpose = ANY(CAST(:purposes AS smallint[]))
         AND doubt_since < now() - CAST(:age AS interval)
         AND (not_after IS NULL OR not_after > now())""",
    "state = 1, reason = 'SENT_AGAIN'",
)
_DUE = """
    SELECT
        EXISTS (SELECT 1 FROM receipts WHERE applied_at IS NULL) AS receipts,
        EXISTS (SELECT 1 FROM claims WHERE lease_until < clock_timestamp()) AS lapsed,
        EXISTS (SELECT 1 FROM runs WHERE busy AND (state IN ('CANCELLED', 'EXPIRED')
                OR not_after <= now())) AS runs
"""
