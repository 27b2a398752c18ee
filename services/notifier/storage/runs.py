"""Runs, as chunks and control events told of them; the greatest epoch wins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays
from services.notifier.domain.states import Channel, Purpose, RunState
from services.notifier.domain.work import NOBODY, Run
from services.notifier.storage import rows

_COLUMNS = """run_id, run_date, epoch, state, channel, weight, max_per_second, not_after, variables,
    purpose, advertiser_id, sender_identity_id, content_hash, last_seq"""


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


async def note_chunk(session: AsyncSession, told: Told, people: int) -> tuple[Run, int]:
    """As `ask_note_chunk`, and begins the run's line if these are the first in it."""
    run, after = await db.ask(session, ask_note_chunk(told, people))
    if after == 0:
        await begin_line(session, told.run_id)
    return run, after


def ask_note_chunk(told: Told, people: int) -> db.Ask[tuple[Run, int]]:
    """Stores what a chunk says and marks the run busy; locks the run until the end.

    Finds the run and the place in its line after which the chunk's `people` stand; where that is 0
    the caller begins the line. A chunk of an epoch greater than known proves that the run was
    active then.
    """
    row = {
        **{name: getattr(told, name) for name in Told.__dataclass_fields__},
        "channel": int(told.channel),
        "purpose": int(told.purpose),
        "variables": list(told.variables),
        "people": people,
    }

    def read(found: db.Rows) -> tuple[Run, int]:
        return _run(found[0]), found[0].last_seq - people

    return db.Ask(_NOTE_CHUNK, row, read)


async def begin_line(session: AsyncSession, run_id: UUID) -> None:
    """Makes the line of a run unless there is one; the caller holds the run's lock."""
    await session.execute(_LINE, {"run_id": run_id})


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
    return await db.ask(session, ask_runnable(channel, marketing=marketing))


def ask_runnable(channel: Channel, *, marketing: bool) -> db.Ask[list[Run]]:
    """As `runnable`."""
    given = {"channel": int(channel), "marketing": marketing}
    return db.Ask(_RUNNABLE, given, lambda found: [_run(row) for row in found])


def ask_states(run_ids: Sequence[UUID]) -> db.Ask[tuple[int, dict[UUID, tuple[int, str]]]]:
    """The suppressions' version, and epoch and state of each run; locks nothing.

    One statement, because it precedes every burst of writes.
    """

    def read(found: db.Rows) -> tuple[int, dict[UUID, tuple[int, str]]]:
        known = {row.run_id: (row.epoch, row.state) for row in found if row.run_id}
        return found[0].version, known

    return db.Ask(_STATES, {"ids": arrays.uuids(run_ids)}, read)


async def get(session: AsyncSession, run_id: UUID) -> Run | None:
    """One run; locks nothing."""
    found = (await session.execute(_GET, {"run_id": run_id})).first()
    return _run(found) if found else None


async def rest(session: AsyncSession, run_id: UUID) -> None:
    """Marks a run idle unless some of its messages wait or are held; locks it.

    Intake locks the run before it inserts, so the second statement sees all that was inserted.
    """
    await session.execute(_LOCK, {"run_id": run_id})
    await session.execute(_REST, {"run_id": run_id})


async def idle(session: AsyncSession, limit: int) -> list[UUID]:
    """Active runs still marked busy of which nothing waits or is held; locks nothing."""
    found = await session.scalars(_IDLE, {"limit": limit})
    return list(found)


async def wake(session: AsyncSession, run_ids: Sequence[UUID]) -> None:
    """Marks runs busy again; locks them, in order."""
    if run_ids:
        await session.execute(_WAKE, {"ids": sorted(set(run_ids))})


async def ended_with_messages(session: AsyncSession) -> list[Run]:
    """Runs that were cancelled or expired and are still marked busy; locks nothing."""
    return [_run(row) for row in await session.execute(_ENDED)]


async def past_their_time(session: AsyncSession) -> list[Run]:
    """Busy runs whose `not_after` has passed by the database's clock; locks nothing."""
    return [_run(row) for row in await session.execute(_PAST)]


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
        kind=rows.kind(
            row.run_id,
            row.channel,
            row.purpose,
            row.advertiser_id or NOBODY,
            row.sender_identity_id,
            row.content_hash,
        ),
        last_seq=row.last_seq,
    )


_NOTE_CHUNK = text(f"""
    INSERT INTO runs AS r (run_id, run_date, epoch, state, channel, purpose, max_per_second,
        not_after, campaign_id, advertiser_id, sender_identity_id, content_hash, variables, busy,
        last_seq)
    VALUES (:run_id, :run_date, :epoch, 'ACTIVE', :channel, :purpose, :max_per_second,
        :not_after, :campaign_id, :advertiser_id, :sender_identity_id, :content_hash,
        :variables, true, :people)
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
        last_seq = r.last_seq + excluded.last_seq,
        updated_at = now()
    RETURNING {_COLUMNS}
""")  # noqa: S608 (constant columns)
_LINE = text("INSERT INTO cursors (run_id) VALUES (:run_id) ON CONFLICT DO NOTHING")
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
    SELECT {_COLUMNS} FROM runs r
    WHERE busy AND channel = :channel AND state = 'ACTIVE'
      AND (:marketing OR purpose NOT IN (1, 4))
      AND (last_seq > (SELECT claimed_to FROM cursors c WHERE c.run_id = r.run_id)
           OR EXISTS (SELECT 1 FROM ready q
                      WHERE q.run_id = r.run_id AND q.due_at <= clock_timestamp()))
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
    UPDATE runs r SET busy = false
    WHERE run_id = :run_id
      AND last_seq <= coalesce((SELECT claimed_to FROM cursors c WHERE c.run_id = r.run_id), 0)
      AND NOT EXISTS (SELECT 1 FROM ready q WHERE q.run_id = r.run_id)
      AND NOT EXISTS (SELECT 1 FROM claims h WHERE h.run_id = r.run_id)
""")
_IDLE = text("""
    SELECT run_id FROM runs r
    WHERE busy AND state = 'ACTIVE' AND updated_at < now() - interval '1 minute'
      AND last_seq <= coalesce((SELECT claimed_to FROM cursors c WHERE c.run_id = r.run_id), 0)
      AND NOT EXISTS (SELECT 1 FROM ready q WHERE q.run_id = r.run_id)
      AND NOT EXISTS (SELECT 1 FROM claims h WHERE h.run_id = r.run_id)
    LIMIT :limit
""")
_WAKE = text("""
    UPDATE runs SET busy = true
    WHERE run_id IN (
        SELECT run_id FROM runs WHERE run_id = ANY(CAST(:ids AS uuid[])) AND NOT busy
        ORDER BY run_id FOR UPDATE)
""")
_PAST = text(f"""
    SELECT {_COLUMNS} FROM runs WHERE busy AND not_after <= now() ORDER BY run_id LIMIT 100
""")  # noqa: S608
_ENDED = text(f"""
    SELECT {_COLUMNS} FROM runs
    WHERE busy AND state IN ('CANCELLED', 'EXPIRED')
    ORDER BY run_id
    LIMIT 100
""")  # noqa: S608
