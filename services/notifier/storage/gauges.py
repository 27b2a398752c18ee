"""What waits, what is in doubt, what expires: read for the metrics, each by an index."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

LIMIT = 10_000


@dataclass(frozen=True)
class Waiting:
    """What may go and is not claimed: how many, at most `LIMIT`, and the seconds of the first."""

    count: int
    seconds: float


async def singles(session: AsyncSession) -> Waiting:
    """Messages without a run that are due."""
    return Waiting(*(await session.execute(_SINGLES, {"limit": LIMIT})).one())


async def lines(session: AsyncSession) -> Waiting:
    """Messages of active runs that nobody claimed; seconds since the first was taken in."""
    return Waiting(*(await session.execute(_LINES)).one())


async def doubts(session: AsyncSession) -> Waiting:
    """Messages in doubt; seconds since the oldest."""
    return Waiting(*(await session.execute(_DOUBTS, {"limit": LIMIT})).one())


async def next_expiry(session: AsyncSession) -> float | None:
    """When the next sender identity in force expires, as Unix time; None if none does."""
    found: float | None = await session.scalar(_EXPIRY)
    return found


_SINGLES = text("""
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::float
    FROM (
        SELECT due_at FROM ready WHERE run_id IS NULL AND due_at <= clock_timestamp()
        ORDER BY due_at LIMIT :limit
    ) AS due
""")
# One look by index a busy run, at the first of its line that is not claimed.
_LINES = text("""
    SELECT coalesce(sum(r.last_seq - c.claimed_to), 0)::bigint,
           coalesce(extract(epoch FROM clock_timestamp() - min(m.created_at)), 0)::float
    FROM runs r
    JOIN cursors c USING (run_id)
    LEFT JOIN messages m
        ON m.run_id = r.run_id AND m.run_date = r.run_date AND m.seq = c.claimed_to + 1
    WHERE r.busy AND r.state = 'ACTIVE' AND c.claimed_to < r.last_seq
""")
_DOUBTS = text("""
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(doubt_since)), 0)::float
    FROM (
        SELECT doubt_since FROM messages WHERE doubt_since IS NOT NULL
        ORDER BY doubt_since LIMIT :limit
    ) AS doubtful
""")
_EXPIRY = text("""
    SELECT extract(epoch FROM min(expires_at))::float FROM sender_identities
    WHERE expires_at > clock_timestamp()
""")
