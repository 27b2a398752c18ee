"""The lease of a run's planner, and how far the plan is, which only its holder writes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.runs import Plan, Run
from services.campaigns.domain.states import RunState
from services.campaigns.storage import runs
from services.campaigns.storage.tables import runs as table


async def claim(session: AsyncSession, planner: str, lease: timedelta) -> tuple[Run, int] | None:
    """Lease a run that is being planned by nobody; returns it and its fence.

    Locks the run, skipping those that others hold; leases are on the database's clock.
    """
    free = (
        select(table.c.id)
        .where(
            table.c.state == RunState.PLANNING,
            table.c.end_time.is_(None),
            func.coalesce(table.c.lease_until < func.clock_timestamp(), True),
        )
        .order_by(table.c.lease_until.asc().nulls_first(), table.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True)
        .scalar_subquery()
    )
    lease_it = (
        update(table)
        .where(table.c.id == free)
        .values(
            planner=planner,
            fence=table.c.fence + 1,
            lease_until=func.clock_timestamp() + lease,
        )
        .returning(table)
    )
    row = (await session.execute(lease_it)).mappings().first()
    return (runs.of_row(row), row["fence"]) if row is not None else None


async def keep(session: AsyncSession, run_id: UUID, fence: int, lease: timedelta) -> bool:
    """Extend a planner's lease; False if another has the run, or nobody may plan it now."""
    extend = (
        update(table)
        .where(_held(run_id, fence))
        .values(lease_until=func.clock_timestamp() + lease)
        .returning(table.c.id)
    )
    return (await session.execute(extend)).first() is not None


async def release(
    session: AsyncSession, run_id: UUID, fence: int, after: timedelta = timedelta()
) -> None:
    """Give a planner's lease back, so that the run may be claimed `after` a while."""
    until = func.clock_timestamp() + after
    await session.execute(
        update(table).where(table.c.id == run_id, table.c.fence == fence).values(lease_until=until)
    )


async def lock_plan(session: AsyncSession, run_id: UUID, fence: int) -> Run | None:
    """Lock a run for its planner; None if another has it, or nobody may plan it now."""
    row = (
        await session.execute(
            select(table).where(_held(run_id, fence)).with_for_update(key_share=True)
        )
    ).mappings()
    found = row.first()
    return runs.of_row(found) if found is not None else None


async def keep_plan(session: AsyncSession, run_id: UUID, plan: Plan, lease: timedelta) -> None:
    """Store how far planning is, in the transaction of the rows; the caller locked the run."""
    await session.execute(
        update(table)
        .where(table.c.id == run_id)
        .values(
            cursor=plan.cursor,
            audience=plan.audience,
            planned=plan.planned,
            excluded={reason.value: count for reason, count in plan.excluded.items()},
            regions=sorted(plan.regions),
            lease_until=func.clock_timestamp() + lease,
        )
    )


def _held(run_id: UUID, fence: int) -> Any:
    return and_(table.c.id == run_id, table.c.fence == fence, table.c.state == RunState.PLANNING)
