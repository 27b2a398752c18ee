"""Audiences of contacts that somebody else chose, written as those of a query are."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.leads.storage.audiences import TOGETHER

_ID_BYTES = 16
# Rows of an audience in one statement: a hundred thousand people.
_ROWS = 100


async def freeze(session: AsyncSession, run_id: UUID, ids: bytes) -> int:
    """Write the members of a claimed audience by their ids, as those of a query; returns how many.

    `ids` are 16 bytes of each; sorted here, since whoever reads takes them to lie close together.
    Of which contacts they are is not asked: one that is gone is read as gone.
    """
    ids = b"".join(sorted(ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)))
    width = TOGETHER * _ID_BYTES
    rows = [ids[at : at + width] for at in range(0, len(ids), width)]
    for first in range(0, len(rows), _ROWS):
        some = rows[first : first + _ROWS]
        given = {
            "run_id": run_id,
            "afters": [(first + place) * TOGETHER for place in range(len(some))],
            "lists": [_literal(each) for each in some],
        }
        await session.execute(_INSERT, given)
    size = len(ids) // _ID_BYTES
    await session.execute(_SIZE, {"run_id": run_id, "size": size})
    return size


def _literal(ids: bytes) -> str:
    text_of = ids.hex()
    width = 2 * _ID_BYTES
    return arrays.of([text_of[at : at + width] for at in range(0, len(text_of), width)])


_INSERT = text("""
    INSERT INTO audience_members (run_id, after_ordinal, contact_ids)
    SELECT :run_id, given.after_ordinal, CAST(given.list AS uuid[])
    FROM unnest(CAST(:afters AS bigint[]), CAST(:lists AS text[])) AS given (after_ordinal, list)
""")
_SIZE = text("UPDATE audiences SET size = :size WHERE run_id = :run_id")
