"""Runs, as chunks and control events told of them; the greatest epoch wins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.states import Channel, Purpose, RunState
from services.notifier.domain.work import Run

_COLUMNS = "run_id, run_date, epoch, state, channel, weight, max_per_second, not_after, variables"


@dataclass(frozen=True)
class Told:
    """What a chunk says of its run."""

    run_id: UUID
    run_date: date
    epoch: int
    channel: Channel
    purpose: Purpose
    campaign_id: UUID
    advertiser_id: UUID
    sender_identity_id: UUID
    content_hash: str
    variables: tuple[str, ...]
    not_after: datetime | None
    max_per_second: int


async def note_chunk(session: AsyncSession, told: Told) -> Run:
    """Stores what a chunk says and marks the run busy; locks the run until the end.

    A chunk of an epoch greater than known proves that the run was active then.
    """
    row = {
        **{name: getattr(told, name) for name in Told.__dataclass_fields__},
        "channel": int(told.channel),
        "purpose": int(told.purpose),
        "variables": list(told.variables),
    }
    return _run((await session.execute(_NOTE_CHUNK, row)).one())


async def control(
    session: AsyncSession,
    run_id: UUID,
    run_date: date,
    epoch: int,
    state: RunState,
    channel: Channel,
    purpose: Purpose,
    not_after: datetime | None,
) -> bool:
    """Applies a control event; False when a greater or equal epoch is known. Locks the run."""
    row = {
        "run_id": run_id,
        "run_date": run_date,
        "epoch": epoch,
        "state": state.value,
        "channel": int(channel),
        "purpose": int(purpose),
        "not_after": not_after,
    }
    return (await session.execute(_CONTROL, row)).first() is not None


async def runnable(session: AsyncSession, channel: Channel, *, marketing: bool) -> list[Run]:
    """Active runs of a channel that may have messages to claim; locks nothing."""
    found = await session.execute(_RUNNABLE, {"channel": int(channel), "marketing": marketing})
    return [_run(row) for row in found]


async def states(
    session: AsyncSession, run_ids: Sequence[UUID]
) -> tuple[int, dict[UUID, tuple[int, str]]]:
    """The suppressions' version, and epoch and state of each run; locks nothing.

    One statement, because it precedes every burst of writes.
    """
    found = (await session.execute(_STATES, {"ids": list(run_ids)})).all()
    known = {row.run_id: (row.epoch, row.state) for row in found if row.run_id}
    return found[0].version, known


async def get(session: AsyncSession, run_id: UUID) -> Run | None:
    """One run; locks nothing."""
    found = (await session.execute(_GET, {"run_id": run_id})).first()
    return _run(found) if found else None


async def rest(session: AsyncSession, run_id: UUID) -> None:
    """Marks a run idle unless it has queued messages; locks it.

    Intake locks the run before it inserts, so the second statement sees all that was inserted.
    """
    await session.execute(_LOCK, {"run_id": run_id})
    await session.execute(_REST, {"run_id": run_id})


async def wake(session: AsyncSession, run_ids: Sequence[UUID]) -> None:
    """Marks runs busy again; locks them, in order."""
    if run_ids:
        await session.execute(_WAKE, {"ids": sorted(set(run_ids))})


async def wake_forgotten(session: AsyncSession) -> int:
    """Marks busy what has queued messages and is not; a net under `rest` and `wake`."""
    return len((await session.execute(_FORGOTTEN)).all())


async def ended_with_messages(session: AsyncSession) -> list[Run]:
    """Runs that were cancelled or expired and are still marked busy; locks nothing."""
    return [_run(row) for row in await session.execute(_ENDED)]


def _run(row: Any) -> Run:
    return Run(
        run_id=row.run_id,
        run_date=row.run_date,
        epoch=row.epoch,
        state=row.state,
        channel=Channel(row.channel),
        weight=row.weight,
        max_per_second=row.max_per_second,
        not_after=row.not_after,
        variables=tuple(row.variables),
    )


_NOTE_CHUNK = text(f"""
    INSERT INTO runs AS r (run_id, run_date, epoch, state, channel, purpose, max_per_second,
        not_after, campaign_id, advertiser_id, sender_identity_id, content_hash, variables, busy)
    VALUES (:run_id, :run_date, :epoch, 'ACTIVE', :channel, :purpose, :max_per_second,
        :not_after, :campaign_id, :advertiser_id, :sender_identity_id, :content_hash,
        :variables, true)
    ON CONFLICT (run_id) DO UPDATE SET
        state = CASE WHEN excluded.epoch > r.epoch THEN 'ACTIVE' ELSE r.state END,
        epoch = greatest(excluded.epoch, r.epoch),
        max_per_second = excluded.max_per_second,
        not_after = coalesce(excluded.not_after, r.not_after),
        campaign_id = coalesce(r.campaign_id, excluded.campaign_id),
        advertiser_id = coalesce(r.advertiser_id, excluded.advertiser_id),
        sender_identity_id = coalesce(r.sender_identity_id, excluded.sender_identity_id),
        content_hash = coalesce(r.content_hash, excluded.content_hash),
        variables = CASE WHEN r.content_hash IS NULL THEN excluded.variables
                         ELSE r.variables END,
        busy = true,
        updated_at = now()
    RETURNING {_COLUMNS}
""")  # noqa: S608 (constant columns)
_CONTROL = text("""
    INSERT INTO runs AS r (run_id, run_date, epoch, state, channel, purpose, not_after)
    VALUES (:run_id, :run_date, :epoch, :state, :channel, :purpose, :not_after)
    ON CONFLICT (run_id) DO UPDATE SET
        state = excluded.state,
        epoch = excluded.epoch,
        not_after = coalesce(excluded.not_after, r.not_after),
        busy = true,
        updated_at = now()
    WHERE excluded.epoch > r.epoch
    RETURNING run_id
""")
# The purposes are those of the law: without fresh news of withdrawals no advertising leaves.
_RUNNABLE = text(f"""
    SELECT {_COLUMNS} FROM runs
    WHERE busy AND channel = :channel AND state = 'ACTIVE'
      AND (:marketing OR purpose NOT IN (1, 4))
    ORDER BY run_id
    LIMIT 1000
""")  # noqa: S608
_STATES = text("""
    SELECT v.version, r.run_id, r.epoch, r.state
    FROM suppression_version v
    LEFT JOIN runs r ON r.run_id = ANY(CAST(:ids AS uuid[]))
""")
_GET = text(f"SELECT {_COLUMNS} FROM runs WHERE run_id = :run_id")  # noqa: S608
_LOCK = text("SELECT 1 FROM runs WHERE run_id = :run_id FOR UPDATE")
_REST = text("""
    UPDATE runs SET busy = false
    WHERE run_id = :run_id AND NOT EXISTS (
        SELECT 1 FROM messages m
        WHERE m.run_date = runs.run_date AND m.run_id = runs.run_id AND m.state = 1)
""")
_WAKE = text("""
    UPDATE runs SET busy = true
    WHERE run_id IN (
        SELECT run_id FROM runs WHERE run_id = ANY(CAST(:ids AS uuid[])) AND NOT busy
        ORDER BY run_id FOR UPDATE)
""")
_FORGOTTEN = text("""
    UPDATE runs SET busy = true
    WHERE NOT busy AND updated_at > now() - interval '35 days' AND EXISTS (
        SELECT 1 FROM messages m
        WHERE m.run_date = runs.run_date AND m.run_id = runs.run_id AND m.state = 1)
    RETURNING 1
""")
_ENDED = text(f"""
    SELECT {_COLUMNS} FROM runs
    WHERE busy AND state IN ('CANCELLED', 'EXPIRED')
    ORDER BY run_id
    LIMIT 100
""")  # noqa: S608
