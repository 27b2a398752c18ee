"""Claims that end before their messages did: their lease has passed, or their holder lets go."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.notifier.domain.work import Claimed
from services.notifier.storage import rows


class Lapsed(NamedTuple):
    """A claim whose lease has ended: `of` a range or of ids, with what a statement needs of it."""

    id: int
    run_id: UUID | None
    of: str
    parameters: dict[str, object]


# The messages of a claim, by the parameters of `Lapsed`.
COVERED = {
    "range": "m.run_date = :day AND m.run_id = :run_id AND m.seq BETWEEN :from AND :to",
    "ids": rows.OF_KEYS,
}


async def lapsed(session: AsyncSession, limit: int) -> list[Lapsed]:
    """Locks claims that lapsed, by the database's clock; passes over those locked already."""
    return [_lapsed(row) for row in await session.execute(_LAPSED, {"limit": limit})]


async def locked(session: AsyncSession, claim: int) -> Lapsed:
    """Locks a claim of one's own, to end it before its time."""
    return _lapsed((await session.execute(_LOCKED, {"claim": claim})).one())


async def left(session: AsyncSession, claim: Lapsed) -> list[Claimed]:
    """The messages of a locked claim that have no open attempt; locks nothing more."""
    await rows.by_key(session)
    found = await session.execute(_LEFT[claim.of], claim.parameters)
    return [rows.claimed(row, claim.id, rows.kind(*row[9:])) for row in found]


def _lapsed(row: Any) -> Lapsed:
    if row.ids is None:
        given = {"day": row.run_date, "run_id": row.run_id, "from": row.from_seq, "to": row.to_seq}
        return Lapsed(row.id, row.run_id, "range", {"claim": row.id, **given})
    given = {"ids": arrays.uuids(row.ids), "days": rows.days(row.dates)}
    return Lapsed(row.id, row.run_id, "ids", {"claim": row.id, **given})


_CLAIM_COLUMNS = "id, run_id, run_date, from_seq, to_seq, ids, dates"
_LAPSED = text(f"""
    SELECT {_CLAIM_COLUMNS} FROM claims WHERE lease_until < clock_timestamp()
    ORDER BY id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
""")  # noqa: S608
_LOCKED = text(f"SELECT {_CLAIM_COLUMNS} FROM claims WHERE id = :claim FOR UPDATE")  # noqa: S608
_LEFT = {
    of: text(f"""
        SELECT {rows.CLAIMED_COLUMNS}, {rows.KIND_COLUMNS} FROM messages m
        WHERE {covered} AND m.state NOT IN (2, 7, 8, 9, 10, 12)
          {"AND m.attempts = 0" if of == "range" else ""}
    """)  # noqa: S608
    for of, covered in COVERED.items()
}
