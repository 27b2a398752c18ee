"""Runs and their counters."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping, Select, and_, func, insert, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import Sessions
from chassis.db.paging import Page
from chassis.errors import NotFound
from chassis.scope import Scope
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.runs import Counts, Plan, Progress, Run
from services.campaigns.domain.states import (
    LEFT_BEHIND,
    ExclusionReason,
    PauseReason,
    RecipientState,
    RunState,
)
from services.campaigns.storage import owned
from services.campaigns.storage.campaigns import audience
from services.campaigns.storage.reasons import OF_RUN
from services.campaigns.storage.tables import campaigns, run_counters, runs

# All that changes of a run besides its plan, which only the planner writes.
_MOVES = (*("revision", "epoch", "state", "resume_state", "pause_reason", "plan_time", "end_time"),)
_UNSETTLED = run_counters.c.planned + run_counters.c.handed_over + run_counters.c.deferred
# The columns of run_counters.
COUNTED = {RecipientState(name.upper()): name for name in run_counters.c.keys()[1:]}


class Left(NamedTuple):
    """How many of a run wait to be handed over, and for anything but a receipt."""

    waiting: int
    unsettled: int


class Due(NamedTuple):
    """Runs to expire, runs that ended early and left somebody behind, and runs that are over."""

    expired: list[UUID]
    left: list[UUID]
    over: list[UUID]


async def get(session: AsyncSession, run_id: UUID) -> Progress:
    """Return a run with its counts; raises `NotFound`."""
    query = _with_counts().where(runs.c.id == run_id)
    row = (await session.execute(query)).mappings().first()
    if row is None:
        raise _missing(run_id)
    return _progress(row)


async def lock(session: AsyncSession, run_id: UUID) -> Run:
    """Return a run locked for a change, which its planner and hand-over wait for."""
    query = select(runs).where(runs.c.id == run_id).with_for_update(key_share=True)
    row = (await session.execute(query)).mappings().first()
    if row is None:
        raise _missing(run_id)
    return of_row(row)


async def try_lock(session: AsyncSession, run_id: UUID) -> Run | None:
    """Return a run locked for a change; None while somebody else holds it."""
    query = (
        select(runs).where(runs.c.id == run_id).with_for_update(skip_locked=True, key_share=True)
    )
    row = (await session.execute(query)).mappings().first()
    return of_row(row) if row is not None else None


async def read_page(
    session: AsyncSession, page: Page, campaign_id: UUID | None, scope: Scope
) -> Sequence[Progress]:
    """Return one more run within reach than the page holds, if there are, newest first."""
    query = _with_counts().order_by(runs.c.id.desc()).limit(page.size + 1)
    if not scope.is_all:
        query = query.join(campaigns, campaigns.c.id == runs.c.campaign_id)
        query = query.where(owned.campaigns(scope))
    if campaign_id is not None:
        query = query.where(runs.c.campaign_id == campaign_id)
    if page.after is not None:
        query = query.where(runs.c.id < page.after[0])
    return [_progress(row) for row in (await session.execute(query)).mappings()]


async def add(session: AsyncSession, run: Run) -> None:
    """Store a new run with its counters at zero."""
    row = {name: getattr(run, name) for name in _MOVES}
    row |= {
        name: getattr(run, name)
        for name in runs.c.keys()  # noqa: SIM118
        if name not in row and hasattr(run, name) and name != "audience"
    }
    row |= {"audience_query": asdict(run.audience), "variables": list(run.variables)}
    await session.execute(insert(runs).values(row))
    await session.execute(insert(run_counters).values(run_id=run.id))


async def move(session: AsyncSession, run: Run) -> None:
    """Store the new state of a run that the caller locked; whoever planned it must ask again."""
    values = {name: getattr(run, name) for name in _MOVES}
    await session.execute(update(runs).where(runs.c.id == run.id).values(values))


async def waiting_ids(sessions: Sessions) -> Sequence[UUID]:
    """Return the runs that are SENDING and have recipients not handed over, oldest first.

    In one round trip, since whoever hands over looks after every report.
    """
    row = await db.look(sessions, _WAITING)
    return row[0] or () if row is not None else ()


async def due(session: AsyncSession) -> Due:
    """Return the runs to bring to their end; "not after" is judged by the database's clock."""
    found = Due([], [], [])
    for run_id, is_expired, is_left, is_over in await session.execute(_DUE):
        found.expired.extend([run_id] if is_expired else [])
        found.left.extend([run_id] if is_left else [])
        found.over.extend([run_id] if is_over else [])
    return found


async def count(
    session: AsyncSession, run_id: UUID, deltas: Mapping[RecipientState, int]
) -> Left | None:
    """Move the counters of a run by the deltas; locks them until the transaction ends.

    Returns who is left after a move, None if there was nothing to move.
    """
    if not any(deltas.values()):
        return None
    given = {name: deltas.get(state, 0) for state, name in COUNTED.items()}
    row = (await session.execute(_COUNT, {"run_id": run_id, **given})).first()
    return Left(*row) if row is not None else None


def of_row(row: RowMapping) -> Run:
    """Return the run of a row of `runs`."""
    return Run(
        id=row["id"],
        revision=row["revision"],
        campaign_id=row["campaign_id"],
        run_date=row["run_date"],
        epoch=row["epoch"],
        state=RunState(row["state"]),
        resume_state=RunState(row["resume_state"]) if row["resume_state"] else None,
        channel=Channel(row["channel"]),
        purpose=Purpose(row["purpose"]),
        advertiser_id=row["advertiser_id"],
        sender_identity_id=row["sender_identity_id"],
        content_hash=row["content_hash"],
        variables=tuple(row["variables"]),
        audience=audience(row["audience_query"]),
        not_after=row["not_after"],
        max_per_second=row["max_per_second"],
        key=bytes(row["key"]),
        creator_id=row["creator_id"],
        plan=Plan(
            cursor=row["cursor"],
            audience=row["audience"],
            planned=row["planned"],
            excluded={ExclusionReason(name): n for name, n in row["excluded"].items()},
            regions=frozenset(row["regions"]),
        ),
        create_time=row["create_time"],
        plan_time=row["plan_time"],
        end_time=row["end_time"],
        rows_gone_at=row["rows_gone_at"],
        pause_reason=PauseReason(row["pause_reason"]),
        complaints=row["complaints"],
    )


def _missing(run_id: UUID) -> NotFound:
    return NotFound("RESOURCE_MISSING", "no such run", resource="run", id=run_id)


def _with_counts() -> Select[Any]:
    counters = [run_counters.c[name].label(f"count_{name}") for name in COUNTED.values()]
    because: Any = literal_column(OF_RUN).label("reasons")
    return select(runs, *counters, because).join(run_counters, run_counters.c.run_id == runs.c.id)


def _progress(row: RowMapping) -> Progress:
    counts: Counts = {state: row[f"count_{name}"] for state, name in COUNTED.items()}
    reasons = {(RecipientState(it[0]), it[1]): it[2] for it in row["reasons"]}
    return Progress(of_row(row), counts, reasons)


_WAITING: LiteralString = """
    SELECT array_agg(r.id ORDER BY r.id) FROM runs r JOIN run_counters c ON c.run_id = r.id
    WHERE r.state = 'SENDING' AND r.end_time IS NULL AND c.planned > 0
"""
_IS_EARLY = runs.c.state.in_(list(LEFT_BEHIND))
_DUE = (
    select(
        runs.c.id,
        and_(_IS_EARLY.is_(False), runs.c.not_after <= func.clock_timestamp()),
        and_(_IS_EARLY, run_counters.c.planned > 0),
        and_(runs.c.state.in_([RunState.SENDING, *LEFT_BEHIND]), _UNSETTLED == 0),
    )
    .join(run_counters, run_counters.c.run_id == runs.c.id)
    .where(runs.c.end_time.is_(None))
    .order_by(runs.c.id)
)
_COUNT = text(
    f"UPDATE run_counters SET {', '.join(f'{it} = {it} + :{it}' for it in COUNTED.values())} "  # noqa: S608 (names of columns)
    "WHERE run_id = :run_id RETURNING planned, planned + handed_over + deferred"
)
