"""Queries of the copy of contacts, and the order between facts and deletions."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.contacts import Contact
from services.interactions.storage.tables import contacts


async def get(session: AsyncSession, contact_id: UUID) -> Contact | None:
    """Returns the copy or tombstone of a contact; locks nothing."""
    row = (await session.execute(select(contacts).where(contacts.c.id == contact_id))).first()
    return _contact(row) if row else None


async def put(session: AsyncSession, copies: Sequence[Contact]) -> None:
    """Stores copies and tombstones, each only if its revision is greater than the stored one."""
    newest: dict[UUID, Contact] = {}
    for copy in copies:
        known = newest.get(copy.id)
        if known is None or copy.revision > known.revision:
            newest[copy.id] = copy
    if not newest:
        return
    rows = [
        {
            "id": copy.id,
            "revision": copy.revision,
            "owner_ids": list(copy.owner_ids),
            "team_id": copy.team_id,
            "deleted": copy.deleted,
        }
        # In one order, so that two consumers never wait for each other.
        for copy in sorted(newest.values(), key=lambda copy: copy.id)
    ]
    query = upsert(contacts).values(rows)
    changed = {name: query.excluded[name] for name in rows[0] if name != "id"}
    await session.execute(
        query.on_conflict_do_update(
            index_elements=[contacts.c.id],
            set_=changed,
            where=contacts.c.revision < query.excluded.revision,
        )
    )


async def deleted_among(session: AsyncSession, ids: Collection[UUID]) -> set[UUID]:
    """Returns those of `ids` that are tombstones."""
    query = select(contacts.c.id).where(contacts.c.id.in_(ids), contacts.c.deleted)
    return set((await session.execute(query)).scalars())


async def lock_against_deletion(session: AsyncSession) -> None:
    """Lets no contact's deletion pass until the transaction ends; many may hold this."""
    await session.execute(text("SELECT pg_advisory_xact_lock_shared(hashtext('deletions'))"))


async def lock_for_deletion(session: AsyncSession) -> None:
    """Waits for those who write about contacts; held until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('deletions'))"))


def _contact(row: Row[Any]) -> Contact:
    return Contact(
        id=row.id,
        revision=row.revision,
        owner_ids=tuple(row.owner_ids),
        team_id=row.team_id,
        deleted=row.deleted,
    )
