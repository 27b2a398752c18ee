"""Imports: their files, their progress under a lease, and the ledger of their rows."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from chassis.db.paging import Page
from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.files.shape import Shape
from services.leads.domain.importing import Consent, Import, Ledger, Outcome, Row, State
from services.leads.storage import copying
from services.leads.storage.tables import import_rows, imports

Key = tuple[datetime | int | UUID, ...]


async def create(session: AsyncSession, new: Import, request_id: str) -> None:
    """Store an import that was uploaded."""
    values = {"id": new.id, "create_time": new.create_time, "creator": new.creator}
    asked = {"file_name": new.file_name, "file_size": new.file_size, "request_id": request_id}
    await session.execute(insert(imports).values(**values, **asked, **_values(new)))


async def add_part(session: AsyncSession, import_id: UUID, ordinal: int, data: bytes) -> None:
    """Store a part of the file's bytes."""
    await session.execute(_ADD_PART, {"id": import_id, "ordinal": ordinal, "data": data})


async def get(session: AsyncSession, import_id: UUID, *, lock: bool = False) -> Import | None:
    """Return an import, locked for update if asked."""
    query = select(imports).where(imports.c.id == import_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return _import(row) if row else None


async def by_request(session: AsyncSession, creator: str, request_id: str) -> Import | None:
    """Return the import that a creator uploaded under a request id; locks nothing."""
    c = imports.c
    query = select(imports).where(c.creator == creator, c.request_id == request_id)
    row = (await session.execute(query)).first()
    return _import(row) if row and request_id else None


async def begin(session: AsyncSession, started: Import) -> None:
    """Store an import that is to run, and forget the ledger of its dry run.

    The caller has locked it.
    """
    await session.execute(delete(import_rows).where(import_rows.c.import_id == started.id))
    await session.execute(_FORGET_SHADOWS, {"id": started.id})
    await session.execute(_FORGET_SHADOW_KEYS, {"id": started.id})
    query = update(imports).where(imports.c.id == started.id)
    await session.execute(query.values(**_values(started), lease_until=None))


async def claim(session: AsyncSession, lease_seconds: float) -> Import | None:
    """Take an import that nobody works at; its fence is new. Skips what others lock."""
    row = (await session.execute(_CLAIM, {"seconds": lease_seconds})).first()
    return await get(session, row.id) if row else None


async def count(session: AsyncSession, current: Import, total: int, lease_seconds: float) -> bool:
    """Store how many rows the file has; False when the lease went to somebody else."""
    values = {"id": current.id, "fence": current.fence, "total": total, "seconds": lease_seconds}
    return bool((await session.execute(_COUNT, values)).rowcount)  # type: ignore[attr-defined]


async def advance(
    session: AsyncSession, current: Import, rows: Sequence[Row], lease_seconds: float
) -> Ledger | None:
    """Add a batch to the ledger and renew the lease; None when somebody else has it now.

    The numbers of its rows follow each other. Locks the import's row, so that a batch is counted
    by one worker only.
    """
    outcomes = [row.outcome for row in rows]
    values = {
        "id": current.id,
        "fence": current.fence,
        "seconds": lease_seconds,
        "rows": len(rows),
        **{it.name.lower(): outcomes.count(it) for it in Outcome},
    }
    row = (await session.execute(_ADVANCE, values)).first()
    if row is None:
        return None
    if rows:
        await copying.write(session, import_rows, [_batch(current.id, rows)])
    return Ledger(*row)


async def end(session: AsyncSession, current: Import, to: State, failure: str = "") -> bool:
    """End an import; False when somebody else has the lease."""
    values = {"id": current.id, "fence": current.fence, "state": to, "failure": failure}
    done = await session.execute(_END, values)
    return bool(done.rowcount)  # type: ignore[attr-defined]


async def page(session: AsyncSession, page: Page) -> tuple[list[Import], Key | None]:
    """Return a page of imports, newest first, and where the next one starts."""
    c = imports.c
    query = select(imports).order_by(c.create_time.desc(), c.id.desc()).limit(page.size + 1)
    if page.after:
        query = query.where(tuple_(c.create_time, c.id) < page.after)
    rows = (await session.execute(query)).all()
    shown = [_import(it) for it in rows[: page.size]]
    return shown, ((shown[-1].create_time, shown[-1].id) if len(rows) > page.size else None)


async def row_page(
    session: AsyncSession, import_id: UUID, outcome: Outcome | None, page: Page
) -> tuple[list[Row], Key | None]:
    """Return a page of an import's ledger by row number, and where the next one starts."""
    after = page.after[0] if page.after else 0
    values = {"id": import_id, "after": after, "most": page.size + 1, "outcome": outcome}
    await session.execute(_BATCH_BY_BATCH)
    rows = (await session.execute(_ROWS_OF if outcome else _ROWS, values)).all()
    shown = [
        Row(
            number=it.number,
            outcome=Outcome(it.outcome),
            field=it.field,
            reason=it.reason,
            detail=it.detail,
            contact_id=it.contact_id,
        )
        for it in rows[: page.size]
    ]
    return shown, ((shown[-1].number,) if len(rows) > page.size else None)


def _batch(import_id: UUID, rows: Sequence[Row]) -> str:
    """Return the line of rows whose numbers follow each other."""
    people = [it.contact_id.hex if it.contact_id else "NULL" for it in rows]
    told = ([it.field for it in rows], [it.reason for it in rows], [it.detail for it in rows])
    return copying.line(
        (
            *(import_id.hex, str(rows[-1].number)),
            arrays.numbers(it.outcome for it in rows),
            *[arrays.texts(it) for it in told],
            arrays.of(people),
        )
    )


def _values(it: Import) -> dict[str, object]:
    consent = it.consent and {
        "advertiser_id": str(it.consent.advertiser_id),
        "purposes": [int(each) for each in it.consent.purposes],
        "channels": [int(each) for each in it.consent.channels],
        "evidence": it.consent.evidence,
    }
    return {
        "state": it.state,
        "shape": it.shape.kind,
        "encoding": it.shape.encoding,
        "delimiter": it.shape.delimiter,
        "has_header": it.shape.has_header,
        "columns_": list(it.shape.columns),
        "fields": list(it.shape.fields),
        "samples": [list(each) for each in it.shape.samples],
        "source_id": it.source_id,
        "consent": consent,
        "tags": list(it.tags),
        "dry_run": it.dry_run,
        "failure": it.failure,
        "end_time": it.end_time,
        **vars(it.ledger),
    }


def _import(it: object) -> Import:
    row = it._mapping  # type: ignore[attr-defined]
    return Import(
        id=row["id"],
        state=State(row["state"]),
        file_name=row["file_name"],
        file_size=row["file_size"],
        shape=Shape(
            row["shape"],
            row["encoding"],
            row["delimiter"],
            row["has_header"],
            tuple(row["columns"]),
            tuple(row["fields"]),
            tuple(tuple(each) for each in row["samples"]),
        ),
        create_time=row["create_time"],
        creator=row["creator"],
        source_id=row["source_id"],
        consent=_consent(row["consent"]),
        tags=tuple(row["tags"]),
        dry_run=row["dry_run"],
        total_rows=row["total_rows"],
        ledger=Ledger(*(row[name] for name in vars(Ledger()))),
        failure=row["failure"],
        fence=row["fence"],
        end_time=row["end_time"],
    )


def _consent(plain: dict[str, object] | None) -> Consent | None:
    if plain is None:
        return None
    purposes, channels = plain["purposes"], plain["channels"]
    if not isinstance(purposes, list) or not isinstance(channels, list):
        raise TypeError("consent")
    return Consent(
        advertiser_id=UUID(str(plain["advertiser_id"])),
        purposes=tuple(Purpose(it) for it in purposes),
        channels=tuple(Channel(it) for it in channels),
        evidence=str(plain["evidence"]),
    )


_ADD_PART = text(
    "INSERT INTO import_file_parts (import_id, ordinal, data) VALUES (:id, :ordinal, :data)"
)
_FORGET_SHADOWS = text("DELETE FROM import_shadows WHERE import_id = :id")
_FORGET_SHADOW_KEYS = text("DELETE FROM import_shadow_keys WHERE import_id = :id")
_LINES = """
    SELECT b.last - cardinality(b.outcomes) + l.place AS number,
           l.outcome, l.field, l.reason, l.detail, l.contact_id
    FROM import_rows AS b
    CROSS JOIN LATERAL unnest(b.outcomes, b.fields, b.reasons, b.details, b.contact_ids)
        WITH ORDINALITY AS l (outcome, field, reason, detail, contact_id, place)
    WHERE b.import_id = :id AND b.last > :after
      AND b.last - cardinality(b.outcomes) + l.place > :after
"""
# Without statistics, the planner would unfold the whole file to sort its rows by the page.
_BATCH_BY_BATCH = text(
    "SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)"
)
_ORDERED = "ORDER BY b.last, l.place LIMIT :most"
_ROWS = text(f"{_LINES} {_ORDERED}")
_ROWS_OF = text(f"{_LINES} AND :outcome = ANY(b.outcomes) AND l.outcome = :outcome {_ORDERED}")
_CLAIM = text("""
    UPDATE imports
    SET fence = fence + 1, lease_until = now() + make_interval(secs => :seconds)
    WHERE id = (
        SELECT id FROM imports
        WHERE state IN (2, 4) AND (lease_until IS NULL OR lease_until < now())
        ORDER BY create_time LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id
""")
_COUNT = text("""
    UPDATE imports SET total_rows = :total, lease_until = now() + make_interval(secs => :seconds)
    WHERE id = :id AND fence = :fence
""")
_ADVANCE = text("""
    UPDATE imports
    SET rows = rows + :rows, created = created + :created, updated = updated + :updated,
        skipped = skipped + :skipped, rejected = rejected + :rejected,
        lease_until = now() + make_interval(secs => :seconds)
    WHERE id = :id AND fence = :fence AND state IN (2, 4)
    RETURNING rows, created, updated, skipped, rejected
""")
_END = text("""
    UPDATE imports
    SET state = :state, failure = :failure, end_time = now(), lease_until = NULL
    WHERE id = :id AND fence = :fence
""")
