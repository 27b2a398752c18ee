"""Takes people out of what leads keeps besides contacts: ledgers, rows of imports, trial runs."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays

_SECONDS = 600.0


async def blank_ledgers(session: AsyncSession, contact_ids: Collection[UUID]) -> int:
    """Empties what was written of contacts beside figures; returns how many rows that changed."""
    given = {"contacts": arrays.uuids(contact_ids)}
    return sum([await _count(session, it, given) for it in _LEDGERS])


async def blank_import_rows(
    session: AsyncSession, contact_ids: Collection[UUID], pattern: str
) -> int:
    """Empties what ledgers of imports tell of rows of theirs; returns how many batches changed.

    `pattern` finds addresses of theirs, whole.
    """
    await db.allow(session, _SECONDS)
    given = {"contacts": arrays.uuids(contact_ids), "pattern": pattern}
    return await _count(session, _IMPORT_ROWS, given)


async def drop_shadows(
    session: AsyncSession, contact_ids: Collection[UUID], keys: Collection[str]
) -> int:
    """Deletes what dry runs would have made of them, or under their keys; returns how many."""
    given = {"contacts": arrays.uuids(contact_ids), "keys": arrays.texts(keys)}
    return len((await session.execute(_SHADOWS, given)).all())


async def running_imports(session: AsyncSession) -> list[UUID]:
    """Returns the imports that make contacts just now; locks nothing."""
    return list(await session.scalars(_RUNNING_IMPORTS))


async def made_by(
    session: AsyncSession,
    contact_ids: Collection[UUID],
    import_ids: Collection[UUID],
    since: datetime,
) -> set[UUID]:
    """Returns those of the contacts that one of these imports made since; locks nothing."""
    if not contact_ids:
        return set()
    given = {
        "contacts": arrays.uuids(contact_ids),
        "imports": arrays.uuids(import_ids),
        "since": since,
    }
    return set(await session.scalars(_MADE_BY, given))


async def _count(session: AsyncSession, statement: Any, given: dict[str, Any]) -> int:
    done: CursorResult[Any] = await session.execute(statement, given)  # type: ignore[assignment]
    return done.rowcount


_OF_CONTACT = "contact_id = ANY(CAST(:contacts AS uuid[]))"
_LEDGERS = tuple(
    text(f"{what} WHERE {_OF_CONTACT}{only}")
    for what, only in (
        ("UPDATE consent_entries SET evidence = ''", " AND evidence <> ''"),
        ("UPDATE stage_changes SET reason = ''", " AND reason <> ''"),
        ("UPDATE transactions SET contact_external_id = ''", " AND contact_external_id <> ''"),
        ("DELETE FROM consent_states", ""),
        ("DELETE FROM contact_imports", ""),
        ("DELETE FROM import_prints", ""),
    )
)
_IMPORT_ROWS = text("""
    WITH told AS (
        SELECT b.import_id, b.last, array_agg(
            CASE WHEN l.contact_id = ANY(CAST(:contacts AS uuid[])) OR l.detail ~* :pattern
            THEN '' ELSE l.detail END ORDER BY l.place) AS details
        FROM import_rows b
        CROSS JOIN LATERAL unnest(b.details, b.contact_ids)
            WITH ORDINALITY AS l (detail, contact_id, place)
        WHERE b.contact_ids && CAST(:contacts AS uuid[])
           OR array_to_string(b.details, chr(10)) ~* :pattern
        GROUP BY b.import_id, b.last
    )
    UPDATE import_rows r SET details = told.details FROM told
    WHERE r.import_id = told.import_id AND r.last = told.last AND r.details <> told.details
""")
_SHADOWS = text("""
    WITH found AS (
        SELECT import_id, contact_id FROM import_shadow_keys
        WHERE contact_id = ANY(CAST(:contacts AS uuid[]))
           OR (kind IN ('phone', 'email') AND key = ANY(CAST(:keys AS text[])))
        UNION
        SELECT import_id, contact_id FROM import_shadows
        WHERE contact_id = ANY(CAST(:contacts AS uuid[]))
    ), keys AS (
        DELETE FROM import_shadow_keys k USING found f
        WHERE (k.import_id, k.contact_id) = (f.import_id, f.contact_id) RETURNING 1
    ), shadows AS (
        DELETE FROM import_shadows s USING found f
        WHERE (s.import_id, s.contact_id) = (f.import_id, f.contact_id) RETURNING 1
    )
    SELECT 1 FROM keys UNION ALL SELECT 1 FROM shadows
""")
_RUNNING_IMPORTS = text("SELECT id FROM imports WHERE state = 4")
_MADE_BY = text("""
    SELECT c.id FROM contacts c
    WHERE c.id = ANY(CAST(:contacts AS uuid[])) AND c.create_time >= :since AND EXISTS (
        SELECT 1 FROM contact_imports i
        WHERE i.contact_id = c.id AND i.import_id = ANY(CAST(:imports AS uuid[])))
""")
