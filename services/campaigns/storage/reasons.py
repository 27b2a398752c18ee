"""How many recipients of a run are in a state for a reason, counted as reports come."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.states import RecipientState


async def move(
    session: AsyncSession, run_id: UUID, deltas: Mapping[tuple[RecipientState, str], int]
) -> None:
    """Move the counts; those without a reason are in the run's counters. Locks rows in order."""
    rows = sorted((*key, delta) for key, delta in deltas.items() if delta and key[1])
    if rows:
        states, reasons, people = zip(*rows, strict=True)
        given = {"run_id": run_id, "states": list(states), "reasons": list(reasons)}
        await session.execute(_MOVE, {**given, "people": list(people)})


# As one value, to be read by the statement that reads the run: both are of one moment.
OF_RUN = """coalesce((
    SELECT jsonb_agg(jsonb_build_array(state, reason, people) ORDER BY state, reason)
    FROM run_reasons WHERE run_id = runs.id AND people <> 0), '[]')"""
_MOVE = text("""
    INSERT INTO run_reasons AS r (run_id, state, reason, people)
    SELECT :run_id, state, reason, people
    FROM unnest(CAST(:states AS text[]), CAST(:reasons AS text[]), CAST(:people AS bigint[]))
        AS given (state, reason, people)
    ON CONFLICT (run_id, state, reason) DO UPDATE SET people = r.people + excluded.people
""")
