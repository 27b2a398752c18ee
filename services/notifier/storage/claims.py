"""Claims, attempts and outcomes: the statements on which "never lost, never twice" stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.states import SETTLED_FROM, Channel, Next, State
from services.notifier.domain.work import Claimed, Key, Run
from services.notifier.storage import rows


@dataclass(frozen=True, slots=True)
class Outcome:
    """How attempt `number` of a message ended, and where the message goes."""

    key: Key
    number: int
    next: Next
    answer: str = ""
    provider_reference: str = ""


async def claim_run(
    session: AsyncSession, run: Run, limit: int, lease_seconds: float
) -> list[Claimed]:
    """Leases up to `limit` queued messages of a run, oldest first, passing over locked ones."""
    found = await session.execute(
        _CLAIM_RUN,
        {"day": run.run_date, "run_id": run.run_id, **_bounds(limit, lease_seconds)},
    )
    return [rows.claimed(row) for row in found]


async def claim_transactional(
    session: AsyncSession, channel: Channel, limit: int, lease_seconds: float
) -> list[Claimed]:
    """Leases up to `limit` queued messages that belong to no run."""
    found = await session.execute(
        _CLAIM_TRANSACTIONAL, {"channel": int(channel), **_bounds(limit, lease_seconds)}
    )
    return [rows.claimed(row) for row in found]


async def waiting(session: AsyncSession, channel: Channel) -> tuple[bool, bool]:
    """Whether messages without a run wait, and whether any run is busy; locks nothing."""
    found = (await session.execute(_WAITING, {"channel": int(channel)})).one()
    return found.transactional, found.runs


async def release(session: AsyncSession, claimed: Sequence[Claimed]) -> None:
    """Gives claims without an attempt back at once; those no longer ours are left alone."""
    if claimed:
        await session.execute(_RELEASE, _fenced(claimed))


async def divert(
    session: AsyncSession, diverted: Sequence[tuple[Claimed, Next]]
) -> list[rows.Message]:
    """Moves claimed messages that a gate stopped; returns those moved."""
    if not diverted:
        return []
    parameters = {
        **_fenced([claimed for claimed, _ in diverted]),
        "states": [int(to.state) for _, to in diverted],
        "reasons": [to.reason.value for _, to in diverted],
        "befores": [to.not_before for _, to in diverted],
    }
    return [rows.message(row) for row in await session.execute(_DIVERT, parameters)]


async def open_attempts(
    session: AsyncSession,
    claimed: Sequence[Claimed],
    *,
    provider: str,
    worker: str,
    lease_seconds: float,
) -> dict[UUID, int]:
    """Commits an attempt for each message whose claim still holds: id → attempt number.

    Only what is returned may be written to the wire.
    """
    parameters = {
        **_fenced(claimed),
        "provider": provider,
        "worker": worker,
        "lease": timedelta(seconds=lease_seconds),
    }
    found = await session.execute(_OPEN, parameters)
    return {row.message_id: row.attempts for row in found}


async def renew(
    session: AsyncSession, held: Sequence[tuple[Key, int]], lease_seconds: float
) -> set[UUID]:
    """Extends the leases of open attempts that have not lapsed; returns which were extended."""
    if not held:
        return set()
    parameters = {
        **rows.columns([key for key, _ in held]),
        "numbers": [number for _, number in held],
        "lease": timedelta(seconds=lease_seconds),
    }
    return {row.message_id for row in await session.execute(_RENEW, parameters)}


async def settle(session: AsyncSession, outcomes: Sequence[Outcome]) -> list[rows.Message]:
    """Records how attempts ended and moves their messages; returns the messages moved.

    A message is moved only by its newest attempt, and never from an end other than doubt.
    """
    if not outcomes:
        return []
    parameters = {
        **rows.columns([it.key for it in outcomes]),
        "numbers": [it.number for it in outcomes],
        "states": [int(it.next.state) for it in outcomes],
        "reasons": [it.next.reason.value for it in outcomes],
        "befores": [it.next.not_before for it in outcomes],
        "answers": [it.answer[:500] for it in outcomes],
        "references": [it.provider_reference[:200] for it in outcomes],
        "from": [int(it) for it in SETTLED_FROM],
        "queued": int(State.QUEUED),
        "deferred": int(State.DEFERRED),
        "abandoned": int(State.ABANDONED),
    }
    return [rows.message(row) for row in await session.execute(_SETTLE, parameters)]


async def reap(session: AsyncSession, limit: int) -> list[rows.Message]:
    """Puts messages whose attempt lapsed in doubt, by the database's clock."""
    return [rows.message(row) for row in await session.execute(_REAP, {"limit": limit})]


async def now(session: AsyncSession) -> datetime:
    """The database's clock, which all replicas share."""
    found: datetime = (await session.execute(_NOW)).scalar_one()
    return found


def _bounds(limit: int, lease_seconds: float) -> dict[str, object]:
    return {"limit": limit, "lease": timedelta(seconds=lease_seconds)}


def _fenced(claimed: Sequence[Claimed]) -> dict[str, object]:
    return {
        **rows.columns([it.key for it in claimed]),
        "fences": [it.fence for it in claimed],
    }


_LEASE = f"""
    UPDATE messages m
    SET lease_until = clock_timestamp() + CAST(:lease AS interval), fence = m.fence + 1
    FROM picked
    WHERE m.run_date = picked.run_date AND m.message_id = picked.message_id
    RETURNING {rows.CLAIMED_COLUMNS}
"""  # noqa: S608 (constant parts)
_CLAIM_RUN = text(f"""
    WITH picked AS (
        SELECT run_date, message_id FROM messages
        WHERE run_date = :day AND run_id = :run_id AND state = 1
          AND (lease_until IS NULL OR lease_until < clock_timestamp())
        ORDER BY seq
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    {_LEASE.replace("RETURNING", "AND m.run_date = :day RETURNING")}
""")  # noqa: S608 (constant parts)
_CLAIM_TRANSACTIONAL = text(f"""
    WITH picked AS (
        SELECT run_date, message_id FROM messages
        WHERE run_date > current_date - 9 AND run_id IS NULL AND channel = :channel AND state = 1
          AND (lease_until IS NULL OR lease_until < clock_timestamp())
        ORDER BY seq
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    {_LEASE}
""")  # noqa: S608
_WAITING = text("""
    SELECT
        EXISTS (SELECT 1 FROM messages
                WHERE run_date > current_date - 9 AND run_id IS NULL AND channel = :channel
                  AND state = 1) AS transactional,
        EXISTS (SELECT 1 FROM runs
                WHERE busy AND channel = :channel AND state = 'ACTIVE') AS runs
""")
_RELEASE = text("""
    UPDATE messages m SET lease_until = NULL
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]), CAST(:fences AS bigint[]))
        AS g (run_date, message_id, fence)
    WHERE m.run_date = ANY(CAST(:days AS date[])) AND m.run_date = g.run_date
      AND m.message_id = g.message_id AND m.fence = g.fence AND m.state = 1
""")
_DIVERT = text(f"""
    UPDATE messages m
    SET state = g.state, reason = g.reason, not_before = g.not_before, lease_until = NULL,
        revision = m.revision + 1, updated_at = now()
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]), CAST(:fences AS bigint[]),
        CAST(:states AS smallint[]), CAST(:reasons AS text[]), CAST(:befores AS timestamptz[]))
        AS g (run_date, message_id, fence, state, reason, not_before)
    WHERE m.run_date = ANY(CAST(:days AS date[])) AND m.run_date = g.run_date
      AND m.message_id = g.message_id AND m.fence = g.fence AND m.state = 1
    RETURNING {rows.MESSAGE_COLUMNS}
""")  # noqa: S608
_OPEN = text("""
    WITH opened AS (
        UPDATE messages m
        SET state = 2, reason = '', attempts = m.attempts + 1, revision = m.revision + 1,
            lease_until = clock_timestamp() + CAST(:lease AS interval), updated_at = now()
        FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]), CAST(:fences AS bigint[]))
            AS g (run_date, message_id, fence)
        WHERE m.run_date = ANY(CAST(:days AS date[])) AND m.run_date = g.run_date
          AND m.message_id = g.message_id AND m.fence = g.fence AND m.state = 1
          AND m.lease_until > clock_timestamp()
        RETURNING m.run_date, m.message_id, m.attempts, m.fence
    ), noted AS (
        INSERT INTO attempts (run_date, message_id, number, provider, worker, fence)
        SELECT run_date, message_id, attempts, :provider, :worker, fence FROM opened
    )
    SELECT message_id, attempts FROM opened
""")
_RENEW = text("""
    UPDATE messages m SET lease_until = clock_timestamp() + CAST(:lease AS interval)
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]), CAST(:numbers AS integer[]))
        AS g (run_date, message_id, number)
    WHERE m.run_date = ANY(CAST(:days AS date[])) AND m.run_date = g.run_date
      AND m.message_id = g.message_id AND m.attempts = g.number AND m.state = 2
      AND m.lease_until > clock_timestamp()
    RETURNING m.message_id
""")
# An attempt that the reaper closed in doubt may still learn its real outcome.
_SETTLE = text(f"""
    WITH g AS (
        SELECT * FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]),
            CAST(:numbers AS integer[]), CAST(:states AS smallint[]), CAST(:reasons AS text[]),
            CAST(:befores AS timestamptz[]), CAST(:answers AS text[]),
            CAST(:references AS text[]))
            AS u (run_date, message_id, number, state, reason, not_before, answer, reference)
    ), ended AS (
        UPDATE attempts a
        SET ended_at = now(), outcome = g.state, answer = g.answer,
            provider_reference = g.reference
        FROM g
        WHERE a.run_date = ANY(CAST(:days AS date[])) AND a.run_date = g.run_date
          AND a.message_id = g.message_id AND a.number = g.number
          AND (a.outcome IS NULL OR a.outcome = 7)
    )
    UPDATE messages m
    SET state = g.state, reason = g.reason, not_before = g.not_before, lease_until = NULL,
        revision = m.revision + 1, updated_at = now()
    FROM g
    WHERE m.run_date = ANY(CAST(:days AS date[])) AND m.run_date = g.run_date
      AND m.message_id = g.message_id AND m.attempts = g.number
      AND m.state = ANY(CAST(:from AS smallint[]))
      AND NOT (m.state = :abandoned AND g.state IN (:queued, :deferred))
    RETURNING {rows.MESSAGE_COLUMNS}
""")  # noqa: S608 (constant parts)
_REAP = text(f"""
    WITH lapsed AS (
        SELECT run_date, message_id FROM messages
        WHERE state = 2 AND lease_until < clock_timestamp()
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), ended AS (
        UPDATE attempts a SET ended_at = now(), outcome = 7
        FROM lapsed
        WHERE a.run_date = lapsed.run_date AND a.message_id = lapsed.message_id
          AND a.outcome IS NULL
    )
    UPDATE messages m
    SET state = 7, reason = 'WORKER_LOST', lease_until = NULL, revision = m.revision + 1,
        updated_at = now()
    FROM lapsed
    WHERE m.run_date = lapsed.run_date AND m.message_id = lapsed.message_id
    RETURNING {rows.MESSAGE_COLUMNS}
""")  # noqa: S608
_NOW = text("SELECT clock_timestamp()")
