"""What was a person's alone, by kind and id: said each time it is asked, until nobody asks."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays

TABLE = """
    CREATE TABLE forgotten (
        contact_id uuid NOT NULL,
        kind text NOT NULL,
        id uuid NOT NULL,
        PRIMARY KEY (contact_id, kind, id)
    )
"""


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


_REMEMBER = text("""
    INSERT INTO forgotten (contact_id, kind, id)
    SELECT :contact, :kind, id FROM unnest(CAST(:ids AS uuid[])) AS gone (id)
    ON CONFLICT DO NOTHING
""")
_REMEMBERED = text("""
    SELECT kind, id FROM forgotten WHERE contact_id = ANY(CAST(:contacts AS uuid[]))
""")
