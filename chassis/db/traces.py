"""What is left of somebody in the tables that every service has: events sent and answers kept."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from chassis.db.pool import allow

_SECONDS = 300.0


@dataclass(frozen=True)
class Traces:
    """What was erased; `waiting` events are not published yet, and stay until they are."""

    events: int
    answers: int
    waiting: int


async def erase(session: AsyncSession, wanted: Collection[bytes]) -> Traces:
    """Deletes events that were published and answers that have any of `wanted` in them.

    Reads both tables whole: they hold some days.
    """
    if not wanted:
        return Traces(0, 0, 0)
    await allow(session, _SECONDS)
    given = {"marks": arrays.blobs(wanted)}
    events = len((await session.execute(_EVENTS, given)).all())
    answers = len((await session.execute(_ANSWERS, given)).all())
    waiting: int = (await session.execute(_WAITING, given)).scalar_one()
    return Traces(events, answers, waiting)


_FOUND = """EXISTS (SELECT 1 FROM unnest(CAST(:marks AS bytea[])) AS m (mark)
    WHERE position(m.mark IN {column}) > 0)"""
_PAYLOAD, _RESPONSE = _FOUND.format(column="payload"), _FOUND.format(column="response")
_EVENTS = text(f"""
    DELETE FROM outbox WHERE published_at IS NOT NULL AND {_PAYLOAD} RETURNING 1
""")  # noqa: S608 (our own words)
_WAITING = text(f"""
    SELECT count(*) FROM outbox WHERE published_at IS NULL AND {_PAYLOAD}
""")  # noqa: S608
_ANSWERS = text(f"DELETE FROM idempotency WHERE {_RESPONSE} RETURNING 1")  # noqa: S608
