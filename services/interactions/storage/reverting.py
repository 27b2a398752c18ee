"""Queries that take back what a batch made.

What nobody edited keeps its contact, so that a page may begin after the last contact of the page
before, whatever people do to the others meanwhile.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.interactions.domain.batches import Batch, State
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.storage import batches, follow_ups
from services.interactions.storage.tables import follow_up_batches
from services.interactions.storage.tables import follow_ups as table


class Count(NamedTuple):
    """How many follow-ups of a batch would be cancelled, and how many a person touched."""

    cancelled: int
    kept: int


async def begin(session: AsyncSession, batch_id: UUID) -> bool:
    """Has a locked batch taken back; False where it is or was."""
    return bool((await session.execute(_BEGIN, {"id": batch_id})).first())


async def hold(session: AsyncSession) -> Batch | None:
    """Locks and returns the one that waits longest; skips those that another replica holds."""
    query = (
        select(follow_up_batches)
        .where(text("state = 'reverting'"))
        .order_by(follow_up_batches.c.try_time)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await session.execute(query)).first()
    return batches.of_row(row) if row else None


async def page(session: AsyncSession, held: Batch, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """Returns up to `limit` to be cancelled, each with its contact, in order; locks nothing."""
    given = {"batch": held.id, "after": held.reverted_until or UUID(int=0), "limit": limit}
    return [(row.id, row.contact_id) for row in await session.execute(_PAGE, given)]


async def cancel(session: AsyncSession, ids: Sequence[UUID]) -> Sequence[FollowUp]:
    """Cancels and returns those that nobody touched meanwhile, with no reminder left.

    Waits for who touches one right now; locks in the order of ids, as all who lock several.
    """
    given = {"ids": arrays.uuids(ids)}
    found = await session.execute(_CANCEL.columns(*table.c), given)
    cancelled = [follow_ups.of_row(row) for row in found]
    await session.execute(_DROP_REMINDERS, {"ids": arrays.uuids(it.id for it in cancelled)})
    return cancelled


async def advance(session: AsyncSession, held: Batch, until: UUID, cancelled: int) -> None:
    """Notes how far a held batch is; another that waits comes first."""
    await session.execute(_ADVANCE, {"id": held.id, "until": until, "cancelled": cancelled})


async def end(session: AsyncSession, held: Batch) -> None:
    """Ends a held batch whose follow-ups are all done with, and counts those that stay."""
    await session.execute(_END, {"id": held.id, "to": State.REVERTED.value})


async def count(session: AsyncSession, batch_id: UUID) -> Count:
    """Returns what taking a batch back would do now."""
    row = (await session.execute(_COUNT, {"id": batch_id})).one()
    return Count(row.cancelled, row.kept)


_BEGIN = text("""
    UPDATE follow_up_batches
    SET state = 'reverting', revision = revision + 1, try_time = clock_timestamp(),
        update_time = now()
    WHERE id = :id AND state NOT IN ('reverting', 'reverted')
    RETURNING 1
""")
_UNTOUCHED = "status IN ('scheduled', 'open') AND NOT edited"
_PAGE = text(f"""
    SELECT id, contact_id FROM follow_ups
    WHERE batch_id = :batch AND contact_id > :after AND {_UNTOUCHED}
    ORDER BY contact_id
    LIMIT :limit
""")  # noqa: S608 (constant condition)
_CANCEL = text(f"""
    WITH free AS (
        SELECT id FROM follow_ups
        WHERE id = ANY(CAST(:ids AS uuid[])) AND {_UNTOUCHED}
        ORDER BY id
        FOR UPDATE
    )
    UPDATE follow_ups AS f
    SET status = 'cancelled', outcome = 'batch reverted', close_time = now(),
        revision = revision + 1, update_time = now()
    WHERE f.id IN (SELECT id FROM free)
    RETURNING {", ".join(f"f.{it.name}" for it in table.c)}
""")  # noqa: S608
_DROP_REMINDERS = text("DELETE FROM reminders WHERE follow_up_id = ANY(CAST(:ids AS uuid[]))")
_ADVANCE = text("""
    UPDATE follow_up_batches
    SET reverted_until = :until, cancelled_count = cancelled_count + :cancelled,
        try_time = clock_timestamp(), update_time = now()
    WHERE id = :id
""")
_END = text("""
    UPDATE follow_up_batches AS b
    SET state = :to, revision = revision + 1, update_time = now(),
        kept_count = (SELECT count(*) FROM follow_ups AS f WHERE f.batch_id = b.id AND f.edited)
    WHERE id = :id
""")
_COUNT = text(f"""
    SELECT count(*) FILTER (WHERE {_UNTOUCHED}) AS cancelled,
        count(*) FILTER (WHERE edited) AS kept
    FROM follow_ups WHERE batch_id = :id
""")  # noqa: S608
