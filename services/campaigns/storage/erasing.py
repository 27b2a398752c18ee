"""Takes people out of recipients and chunks; rows that figures count stay, with their ids."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays

_SECONDS = 300.0


class Packed(NamedTuple):
    """What a chunk carries."""

    id: UUID
    payload: bytes


async def blank_recipients(session: AsyncSession, contact_ids: Collection[UUID]) -> int:
    """Empties the addresses of contacts in all runs; returns how many."""
    await db.allow(session, _SECONDS)
    given = {"contacts": arrays.uuids(contact_ids)}
    done: CursorResult[Any] = await session.execute(_BLANK, given)  # type: ignore[assignment]
    return done.rowcount


async def chunks(session: AsyncSession, contact_ids: Collection[UUID]) -> list[Packed]:
    """Returns the chunks that contacts are in, locked in the order of their ids."""
    found = await session.execute(_CHUNKS, {"contacts": arrays.uuids(contact_ids)})
    return [Packed(it.id, bytes(it.payload)) for it in found]


async def repack(session: AsyncSession, chunk: Packed) -> None:
    """Stores what a locked chunk carries from now on."""
    await session.execute(_REPACK, chunk._asdict())


_BLANK = text("""
    UPDATE recipients SET address = ''
    WHERE contact_id = ANY(CAST(:contacts AS uuid[])) AND address <> ''
""")
_CHUNKS = text("""
    SELECT c.id, c.payload FROM chunks c WHERE EXISTS (
        SELECT 1 FROM recipients r
        WHERE r.contact_id = ANY(CAST(:contacts AS uuid[])) AND r.run_id = c.run_id
          AND r.run_date = c.run_date AND r.region = c.region AND r.message_id IS NOT NULL
          AND c.from_ordinal < r.ordinal AND c.to_ordinal >= r.ordinal)
    ORDER BY c.id FOR UPDATE
""")
_REPACK = text("UPDATE chunks SET payload = :payload WHERE id = :id")
