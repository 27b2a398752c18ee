"""What contacts leave behind once they are deleted: the ids of what was theirs."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays


async def remember(session: AsyncSession, contact_id: UUID, kind: str, ids: Iterable[UUID]) -> None:
    """Notes things of a kind that were a contact's alone."""
    given = {"contact": contact_id, "kind": kind, "ids": arrays.uuids(ids)}
    await session.execute(_REMEMBER, given)


async def remembered(
    session: AsyncSession, contact_ids: Collection[UUID]
) -> list[tuple[str, UUID]]:
    """Returns what was theirs, by kind and id."""
    found = await session.execute(_REMEMBERED, {"contacts": arrays.uuids(contact_ids)})
    return [(it.kind, it.id) for it in found]


async def left(session: AsyncSession, contact_ids: Collection[UUID]) -> int:
    """Returns how many rows are still a contact's: facts, notes, requests and the like."""
    found: int = (
        await session.execute(_LEFT, {"contacts": arrays.uuids(contact_ids)})
    ).scalar_one()
    return found


async def empty_digests(session: AsyncSession, names: Iterable[str]) -> int:
    """Has digests that name somebody be written anew; returns how many."""
    done: CursorResult[Any] = await session.execute(  # type: ignore[assignment]
        _EMPTY_DIGESTS, {"names": arrays.texts(names)}
    )
    return done.rowcount


_REMEMBER = text("""
    INSERT INTO forgotten (contact_id, kind, id)
    SELECT :contact, :kind, id FROM unnest(CAST(:ids AS uuid[])) AS gone (id)
    ON CONFLICT DO NOTHING
""")
_REMEMBERED = text("""
    SELECT kind, id FROM forgotten WHERE contact_id = ANY(CAST(:contacts AS uuid[]))
""")
_TABLES = ("facts", "follow_ups", "notes", "interactions", "proposals", "requests")
_COUNT = "(SELECT count(*) FROM {table} WHERE contact_id = ANY(CAST(:contacts AS uuid[])))"
_LEFT = text("SELECT " + " + ".join(_COUNT.format(table=it) for it in _TABLES))
_EMPTY_DIGESTS = text("""
    UPDATE digests SET words = NULL, not_after = NULL
    WHERE EXISTS (SELECT 1 FROM unnest(CAST(:names AS text[])) AS n (name)
                  WHERE position(n.name IN words::text) > 0)
""")
