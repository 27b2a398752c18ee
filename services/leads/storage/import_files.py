"""Files of imports, as somebody is looked for in them: whole, part by part, and dropped whole."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays


@dataclass(frozen=True)
class Kept:
    """An import whose file is there; `named` says that a row of it was one of the contacts."""

    id: UUID
    encoding: str
    parts: int
    named: bool


async def kept(session: AsyncSession, contact_ids: Collection[UUID]) -> list[Kept]:
    """Returns all imports whose file is kept; locks nothing."""
    found = await session.execute(_KEPT, {"contacts": arrays.uuids(contact_ids)})
    return [Kept(it.id, it.encoding, it.parts, it.named) for it in found]


async def part(session: AsyncSession, import_id: UUID, place: int) -> bytes:
    """Returns a part of a file by its place from 0; nothing of one that was dropped."""
    return bytes(await session.scalar(_PART, {"id": import_id, "place": place}) or b"")


async def drop(session: AsyncSession, import_ids: Collection[UUID], why: str) -> set[UUID]:
    """Deletes files, with samples and names, of imports that nobody is at; returns whose.

    Locks the imports first, so that none is started meanwhile. One that was not run yet has failed.
    """
    locked = set(await session.scalars(_LOCK_IDLE, {"ids": arrays.uuids(import_ids)}))
    given = {"ids": arrays.uuids(locked), "why": why}
    await session.execute(_DROP_PARTS, given)
    await session.execute(_FAIL, given)
    return locked


async def has(session: AsyncSession, import_id: UUID) -> bool:
    """Whether the file of an import is still there; locks nothing."""
    return await session.scalar(_HAS, {"id": import_id}) is not None


async def parts(session: AsyncSession, import_id: UUID) -> AsyncIterator[bytes]:
    """Yield the file's bytes part by part; locks nothing."""
    found = await session.stream_scalars(_PARTS, {"id": import_id})
    async for data in found:
        yield bytes(data)


_KEPT = text("""
    SELECT i.id, i.encoding, p.parts, EXISTS (
        SELECT 1 FROM import_rows r
        WHERE r.import_id = i.id AND r.contact_ids && CAST(:contacts AS uuid[])) AS named
    FROM imports i
    JOIN (SELECT import_id, count(*) AS parts FROM import_file_parts GROUP BY import_id) AS p
      ON p.import_id = i.id
    ORDER BY i.id
""")
_PARTS = text("SELECT data FROM import_file_parts WHERE import_id = :id ORDER BY ordinal")
_PART = text("""
    SELECT data FROM import_file_parts WHERE import_id = :id ORDER BY ordinal LIMIT 1 OFFSET :place
""")
_HAS = text("SELECT 1 FROM import_file_parts WHERE import_id = :id LIMIT 1")
_LOCK_IDLE = text("""
    SELECT id FROM imports WHERE id = ANY(CAST(:ids AS uuid[])) AND state NOT IN (2, 4)
    ORDER BY id FOR UPDATE
""")
_DROP_PARTS = text("""
    DELETE FROM import_file_parts WHERE import_id = ANY(CAST(:ids AS uuid[]))
""")
_FAIL = text("""
    UPDATE imports
    SET samples = '[]', file_name = '',
        failure = CASE WHEN state IN (1, 3, 6) THEN :why ELSE failure END,
        end_time = CASE WHEN state IN (1, 3) THEN now() ELSE end_time END,
        state = CASE WHEN state IN (1, 3) THEN 6 ELSE state END
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")
