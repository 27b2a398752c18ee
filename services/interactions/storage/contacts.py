"""Queries of the copy of contacts, and the order between facts and deletions."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.interactions.domain.contacts import Contact
from services.interactions.storage.tables import contacts


async def get(session: AsyncSession, contact_id: UUID) -> Contact | None:
    """Returns the copy or tombstone of a contact; locks nothing.

    A row of revision 0 keeps where a contact stands of which leads told nothing yet: it is None.
    """
    query = select(contacts).where(contacts.c.id == contact_id, contacts.c.revision > 0)
    row = (await session.execute(query)).first()
    return _contact(row) if row else None


async def several(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Contact]:
    """Returns the copies and tombstones of those that leads told of."""
    query = (
        select(contacts)
        .where(contacts.c.revision > 0)
        .where(text("contacts.id = ANY(CAST(:ids AS uuid[]))"))
    )
    found = await session.execute(query, {"ids": arrays.uuids(ids)})
    return {row.id: _contact(row) for row in found}


async def put(session: AsyncSession, copies: Sequence[Contact]) -> None:
    """Stores copies and tombstones, each only if its revision is greater than the stored one."""
    newest: dict[UUID, Contact] = {}
    for copy in copies:
        known = newest.get(copy.id)
        if known is None or copy.revision > known.revision:
            newest[copy.id] = copy
    if not newest:
        return
    # In one order, so that two consumers never wait for each other.
    rows = sorted(newest.values(), key=lambda copy: copy.id)
    await session.execute(
        _PUT,
        {
            "ids": arrays.uuids(it.id for it in rows),
            "revisions": arrays.numbers(it.revision for it in rows),
            "owners": arrays.texts(arrays.uuids(it.owner_ids) for it in rows),
            "open": arrays.of("t" if it.open_lead else "f" for it in rows),
            "teams": arrays.of(it.team_id.hex if it.team_id else "NULL" for it in rows),
            "deleted": arrays.of("t" if it.deleted else "f" for it in rows),
            "since": arrays.times(it.lead_time for it in rows),
        },
    )


async def deleted_among(session: AsyncSession, ids: Collection[UUID]) -> set[UUID]:
    """Returns those of `ids` that are tombstones."""
    values = {"ids": arrays.uuids(ids)}
    return set(await session.scalars(_DELETED, values))


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
        open_lead=row.open_lead,
        deleted=row.deleted,
        lead_time=row.lead_time,
    )


_PUT = text("""
    INSERT INTO contacts AS c (id, revision, owner_ids, team_id, open_lead, deleted, lead_time)
    SELECT id, revision, CAST(owners AS uuid[]), team, open_lead, deleted, since
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:revisions AS bigint[]), CAST(:owners AS text[]),
        CAST(:teams AS uuid[]), CAST(:open AS boolean[]), CAST(:deleted AS boolean[]),
        CAST(:since AS timestamptz[])
    ) AS told (id, revision, owners, team, open_lead, deleted, since)
    ON CONFLICT (id) DO UPDATE
    SET revision = excluded.revision, owner_ids = excluded.owner_ids,
        team_id = excluded.team_id, open_lead = excluded.open_lead, deleted = excluded.deleted,
        lead_time = excluded.lead_time
    WHERE c.revision < excluded.revision
""")
# Tombstones have an index of their own: asking for them costs nothing, however many live.
_DELETED = text("SELECT id FROM contacts WHERE deleted AND id = ANY(CAST(:ids AS uuid[]))")
