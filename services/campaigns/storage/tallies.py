"""The figures of a run, which reports move together in one round trip."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.states import RecipientState
from services.campaigns.storage import plans, reasons, regions
from services.campaigns.storage.runs import COUNTED, Left


class Deltas(NamedTuple):
    """By how many people to move what is counted of a run."""

    states: Mapping[RecipientState, int]
    reasons: Mapping[tuple[RecipientState, str], int]
    opened: Mapping[str, int]


async def move(
    session: AsyncSession, run_id: UUID, deltas: Deltas
) -> tuple[Left | None, dict[str, int]]:
    """Move counters, reasons and regions, locked in this order until the transaction ends.

    Returns who is left, None if no counter moved, and how many are open in regions that moved.
    """
    counters, counts = _counting(deltas.states)
    because, people = reasons.moving(deltas.reasons)
    open_, opened = regions.moving(deltas.opened)
    statements = [*counters, *because, *open_]
    if not statements:
        return None, {}
    given: dict[str, Any] = {"run_id": run_id, **counts, **people, **opened}
    found = await plans.together(session, ";".join(statements), given)
    left = Left(*found[0][0]) if counters and found[0] else None
    return left, {name: now for ((name, now),) in found[len(statements) - len(open_) :]}


def _counting(deltas: Mapping[RecipientState, int]) -> tuple[list[str], dict[str, int]]:
    given = {COUNTED[state]: delta for state, delta in deltas.items() if delta}
    if not given:
        return [], {}
    return [_COUNT.format(", ".join([f"{it} = {it} + %({it})s" for it in given]))], given


_COUNT = """
    UPDATE run_counters SET {0} WHERE run_id = %(run_id)s
    RETURNING planned, planned + handed_over + deferred
"""
