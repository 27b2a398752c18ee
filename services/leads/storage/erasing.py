"""Takes people out of what leads keeps besides contacts: ledgers, imports and their files."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays

_SECONDS = 600.0
# What a person may cross from one part of a file into the next with.
_OVERLAP = 400


async def blank_ledgers(session: AsyncSession, contact_ids: Collection[UUID]) -> int:
    """Empties what was written of contacts beside figures; returns how many rows that changed."""
    given = {"contacts": arrays.uuids(contact_ids)}
    return sum([await _count(session, it, given) for it in _LEDGERS])


async def blank_import_rows(
    session: AsyncSession, contact_ids: Collection[UUID], words: Collection[str]
) -> int:
    """Empties what ledgers of imports tell of rows of theirs; returns how many batches changed."""
    await db.allow(session, _SECONDS)
    given = {"contacts": arrays.uuids(contact_ids), "words": arrays.texts(words)}
    return await _count(session, _IMPORT_ROWS, given)


async def drop_shadows(
    session: AsyncSession, contact_ids: Collection[UUID], words: Collection[str]
) -> int:
    """Deletes what dry runs would have made of them; returns how many."""
    given = {"contacts": arrays.uuids(contact_ids), "words": arrays.texts(words)}
    return sum([await _count(session, it, given) for it in _SHADOWS])


async def files(
    session: AsyncSession, marks: Sequence[str], digits: Sequence[str]
) -> list[tuple[UUID, bool]]:
    """Returns imports whose kept file has one of these texts, and whether a worker is at it.

    The case of ASCII letters does not count; `digits` are looked for with all else left out.
    Reads every file.
    """
    await db.allow(session, _SECONDS)
    given = {"marks": arrays.texts(marks), "digits": arrays.texts(digits), "overlap": _OVERLAP}
    found = await session.execute(_FILES, given)
    return [(it.import_id, it.busy) for it in found]


async def drop_files(session: AsyncSession, import_ids: Collection[UUID], why: str) -> None:
    """Deletes files of imports, with samples and names; one that was not run yet has failed."""
    given = {"ids": arrays.uuids(import_ids), "why": why}
    await session.execute(_DROP_PARTS, given)
    await session.execute(_FAIL, given)


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
            CASE WHEN l.contact_id = ANY(CAST(:contacts AS uuid[])) OR EXISTS (
                SELECT 1 FROM unnest(CAST(:words AS text[])) AS w (word)
                WHERE position(lower(w.word) IN lower(l.detail)) > 0)
            THEN '' ELSE l.detail END ORDER BY l.place) AS details
        FROM import_rows b
        CROSS JOIN LATERAL unnest(b.details, b.contact_ids)
            WITH ORDINALITY AS l (detail, contact_id, place)
        WHERE b.contact_ids && CAST(:contacts AS uuid[]) OR EXISTS (
            SELECT 1 FROM unnest(CAST(:words AS text[])) AS w (word)
            WHERE position(lower(w.word) IN lower(array_to_string(b.details, chr(10)))) > 0)
        GROUP BY b.import_id, b.last
    )
    UPDATE import_rows r SET details = told.details FROM told
    WHERE r.import_id = told.import_id AND r.last = told.last AND r.details <> told.details
""")
_NAMED = """EXISTS (SELECT 1 FROM unnest(CAST(:words AS text[])) AS w (word)
    WHERE position(lower(w.word) IN lower({column})) > 0)"""
_SHADOWS = (
    text(f"DELETE FROM import_shadows WHERE {_OF_CONTACT} OR {_NAMED.format(column='row::text')}"),  # noqa: S608
    text(f"DELETE FROM import_shadow_keys WHERE {_OF_CONTACT} OR {_NAMED.format(column='key')}"),  # noqa: S608
)
# Of UTF-16 every other byte is left out; other letters than ASCII's stand as \nnn on both sides.
_FILES = text(r"""
    WITH parts AS (
        SELECT import_id, lower(replace(encode(data || coalesce(substring(
            lead(data) OVER (PARTITION BY import_id ORDER BY ordinal)
            FROM 1 FOR CAST(:overlap AS integer)), ''), 'escape'), '\000', '')) AS written
        FROM import_file_parts
    )
    SELECT DISTINCT p.import_id, i.state IN (2, 4) AS busy
    FROM parts p JOIN imports i ON i.id = p.import_id
    WHERE EXISTS (
        SELECT 1 FROM unnest(CAST(:marks AS text[])) AS m (mark)
        WHERE position(lower(encode(convert_to(m.mark, 'UTF8'), 'escape')) IN p.written) > 0
    ) OR (CAST(:digits AS text[]) <> '{}' AND EXISTS (
        SELECT 1 FROM unnest(CAST(:digits AS text[])) AS d (number)
        WHERE position(d.number IN regexp_replace(p.written, '[ .()\-]', '', 'g')) > 0))
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
    WHERE id = ANY(CAST(:ids AS uuid[])) AND state NOT IN (2, 4)
""")
