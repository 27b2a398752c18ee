"""What contacts leave behind once they are deleted."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays


async def left(session: AsyncSession, contact_ids: Collection[UUID]) -> int:
    """Returns how many rows are still a contact's: facts, notes, requests and the like."""
    found: int = (
        await session.execute(_LEFT, {"contacts": arrays.uuids(contact_ids)})
    ).scalar_one()
    return found


async def empty_digests(session: AsyncSession, pattern: str) -> int:
    """Has digests whose words have a match be written anew; returns how many."""
    done: CursorResult[Any] = await session.execute(  # type: ignore[assignment]
        _EMPTY_DIGESTS, {"pattern": pattern}
    )
    return done.rowcount


_TABLES = ("facts", "follow_ups", "notes", "interactions", "proposals", "requests")
_COUNT = "(SELECT count(*) FROM {table} WHERE contact_id = ANY(CAST(:contacts AS uuid[])))"
_SERIES = "(SELECT count(*) FROM series WHERE contact_ids && CAST(:contacts AS uuid[]))"
_LEFT = text("SELECT " + " + ".join([*(_COUNT.format(table=it) for it in _TABLES), _SERIES]))
_EMPTY_DIGESTS = text("""
    UPDATE digests SET words = NULL, not_after = NULL WHERE words::text ~* :pattern
""")
