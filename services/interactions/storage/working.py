"""Queries of working hours."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.working import Hours, Interval
from services.interactions.storage.tables import working_hours as table


async def get(session: AsyncSession, team_id: UUID | None) -> Hours | None:
    """Returns those of a team or, with None, of the organisation."""
    query = select(table).where(table.c.team_id.is_not_distinct_from(team_id))
    row = (await session.execute(query)).first()
    return _hours(row) if row else None


async def effective(session: AsyncSession, team_id: UUID | None) -> Hours:
    """Returns what counts for a team: its own, else the organisation's, else nothing known."""
    for each in dict.fromkeys((team_id, None)):
        found = await get(session, each)
        if found is not None and found.intervals:
            return found
    return Hours()


async def put(session: AsyncSession, before: Hours, values: Mapping[str, Any]) -> Hours | None:
    """Stores values over those of `before`; None where somebody else changed them meanwhile."""
    after = {name: values.get(name, getattr(before, name)) for name in ("zone", *_LISTS)}
    columns = {
        "team_id": before.team_id,
        "zone": after["zone"],
        "intervals": [
            [it.weekday, f"{it.start:%H:%M}", f"{it.end:%H:%M}"] for it in after["intervals"]
        ],
        "holidays": {day.isoformat(): name for day, name in (after["holidays"] or {}).items()},
        "revision": before.revision + 1,
        "update_time": func.now(),
    }
    query = insert(table).values(columns)
    changed = {name: value for name, value in columns.items() if name != "team_id"}
    query = query.on_conflict_do_update(
        index_elements=["team_id"], set_=changed, where=table.c.revision == before.revision
    )
    row = (await session.execute(query.returning(table))).first()
    return _hours(row) if row else None


_LISTS = ("intervals", "holidays")


def _hours(row: Row[Any]) -> Hours:
    return Hours(
        team_id=row.team_id,
        revision=row.revision,
        zone=row.zone,
        intervals=tuple(
            Interval(weekday, time.fromisoformat(start), time.fromisoformat(end))
            for weekday, start, end in row.intervals
        ),
        holidays={date.fromisoformat(day): name for day, name in sorted(row.holidays.items())},
        update_time=row.update_time,
    )
