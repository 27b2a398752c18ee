"""How far the hand-over of a run is in each region, and what its notifier has yet to tell of."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.storage.tables import run_regions


class Region(NamedTuple):
    """Where the hand-over of a run to a region is."""

    name: str
    handed_to: int
    open: int


async def make(session: AsyncSession, run_id: UUID, names: Sequence[str]) -> None:
    """Note the regions of a run whose plan is frozen."""
    rows = [{"run_id": run_id, "region": name, "handed_to": 0, "open": 0} for name in names]
    if rows:
        new = postgresql.insert(run_regions).values(rows)
        await session.execute(new.on_conflict_do_nothing())


async def read(session: AsyncSession, run_id: UUID) -> Sequence[Region]:
    """Return the regions of a run; `handed_to` only moves under the run's lock."""
    return [Region(*row) for row in await session.execute(_READ, {"run_id": run_id})]


async def hand(session: AsyncSession, run_id: UUID, name: str, to: int, people: int) -> None:
    """Note that a region's recipients up to an ordinal are dealt with, `people` handed over."""
    given = {"run_id": run_id, "region": name, "to": to, "people": people}
    await session.execute(_HAND, given)


def moving(deltas: Mapping[str, int]) -> tuple[list[str], dict[str, str | int]]:
    """Return what moves how many the notifiers have yet to tell of, for `tallies`.

    One statement a region that moves, so that they are locked in order; each returns the region
    and how many are open there now.
    """
    moves = [(name, delta) for name, delta in sorted(deltas.items()) if delta]
    given: dict[str, str | int] = {}
    for number, (name, delta) in enumerate(moves):
        given |= {f"region_{number}": name, f"delta_{number}": delta}
    return [_MOVE.format(number) for number in range(len(moves))], given


_READ = text("""
    SELECT region, handed_to, open FROM run_regions WHERE run_id = :run_id ORDER BY region
""")
_HAND = text("""
    UPDATE run_regions SET handed_to = :to, open = open + :people
    WHERE run_id = :run_id AND region = :region
""")
_MOVE = """
    UPDATE run_regions SET open = open + %(delta_{0})s
    WHERE run_id = %(run_id)s AND region = %(region_{0})s
    RETURNING region, open
"""
