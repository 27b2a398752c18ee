"""Queries of accepted proposals whose contact is to be moved."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.proposals.moves import Move, StageMove
from services.interactions.storage.proposal_tables import proposals as table

# Word for word as in the index.
_WAITS = table.c.stage_move == literal(StageMove.WAITING, literal_execute=True)


async def claim(session: AsyncSession, limit: int, lease: timedelta) -> Sequence[Move]:
    """Returns up to `limit` that are due, and leaves them to this worker for the lease.

    Each counts as tried from now on. Skips those that another worker is claiming.
    """
    due = (
        select(table.c.id)
        .where(_WAITS, table.c.move_time <= func.now())
        .order_by(table.c.move_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    query = (
        update(table)
        .where(table.c.id.in_(due.scalar_subquery()))
        .values(move_time=func.now() + literal(lease), move_attempts=table.c.move_attempts + 1)
        .returning(
            table.c.id,
            table.c.number,
            table.c.contact_id,
            table.c.accepted_life_stage_id,
            table.c.answer_time,
            table.c.move_attempts,
        )
    )
    return [Move(*row) for row in await session.execute(query)]


async def put_off(session: AsyncSession, proposal_id: UUID, wait: timedelta) -> None:
    """Has one tried again after a time."""
    query = update(table).where(table.c.id == proposal_id, _WAITS)
    await session.execute(query.values(move_time=func.now() + literal(wait)))
