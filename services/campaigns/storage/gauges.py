"""What has not ended: read for the metrics, by an index."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def open_runs(session: AsyncSession) -> Mapping[str, tuple[int, float]]:
    """Return by state how many runs have not ended, and the seconds since the oldest began."""
    return {row.state: (row.total, row.age) for row in await session.execute(_OPEN)}


_OPEN = text("""
    SELECT state, count(*) AS total,
           extract(epoch FROM clock_timestamp() - min(create_time))::float AS age
    FROM runs WHERE end_time IS NULL GROUP BY state
""")
