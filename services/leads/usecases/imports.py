"""Imports: take a file, start it, and work at it batch by batch until every row has its line."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.db import audit
from chassis.db.paging import Page
from chassis.errors import FailedPrecondition, FieldViolation, InvalidArgument, NotFound
from services.leads.domain import importing
from services.leads.domain.files import shape
from services.leads.domain.files.encoding import SAMPLE_BYTES, Unreadable
from services.leads.domain.importing import Import, Outcome, Row, StartDraft, State
from services.leads.storage import import_files, imports, sources
from services.leads.usecases import hidden


def recognise(sample: bytes, *, size: int) -> shape.Shape:
    """Return what a file is; raises `InvalidArgument` saying what it is instead."""
    try:
        return shape.recognise(sample[:SAMPLE_BYTES], whole=size <= SAMPLE_BYTES)
    except Unreadable as unreadable:
        raise InvalidArgument(
            "FILE_UNREADABLE",
            unreadable.why,
            violations=[FieldViolation("file", unreadable.why)],
            detected=unreadable.detected,
        ) from unreadable


async def create(
    session: AsyncSession,
    found: shape.Shape,
    *,
    import_id: UUID,
    file_name: str,
    size: int,
    request_id: str,
    now: datetime,
) -> Import:
    """Store an uploaded file's import; its parts are stored already."""
    new = Import(
        id=import_id,
        state=State.UPLOADED,
        file_name=file_name,
        file_size=size,
        shape=found,
        create_time=now,
        creator=context.require_principal().subject,
    )
    await imports.create(session, new, request_id)
    await _record(session, "import.upload", new)
    return new


async def start(session: AsyncSession, import_id: UUID, draft: StartDraft) -> Import:
    """Let an import, or its dry run, begin; a worker takes it up.

    Raises as `importing.start` does, `PermissionDenied` for columns that are hidden.
    """
    current = await imports.get(session, import_id, lock=True)
    if current is None:
        raise missing(import_id)
    started = importing.start(current, draft)
    hidden.refuse_columns(started.shape)
    if not await import_files.has(session, import_id):
        raise FailedPrecondition(
            "STATE_FORBIDS",
            "its file is not kept any more",
            resource="import",
            state=current.state.name,
            to=started.state.name,
        )
    if started.source_id and not await sources.existing(session, [started.source_id]):
        raise InvalidArgument(
            "FIELDS_INVALID",
            "invalid: source_id",
            violations=[FieldViolation("source_id", "is no source")],
        )
    await imports.begin(session, started)
    await _record(session, "import.check" if draft.dry_run else "import.start", started)
    return started


async def get(session: AsyncSession, import_id: UUID) -> Import:
    """Return an import with its progress."""
    current = await imports.get(session, import_id)
    if current is None:
        raise missing(import_id)
    return current


async def page(session: AsyncSession, page: Page) -> tuple[list[Import], imports.Key | None]:
    """Return a page of imports, newest first."""
    return await imports.page(session, page)


async def rows(
    session: AsyncSession, import_id: UUID, outcome: Outcome | None, page: Page
) -> tuple[list[Row], imports.Key | None]:
    """Return a page of an import's ledger."""
    await get(session, import_id)
    return await imports.row_page(session, import_id, outcome, page)


async def complete(session: AsyncSession, current: Import) -> bool:
    """End an import whose every row has its line; False when another worker has it now."""
    to = State.CHECKED if current.dry_run else State.COMPLETED
    ended = await imports.end(session, current, to)
    if ended:
        await _record(session, "import.end", replace(current, state=to))
    return ended


async def fail(session: AsyncSession, current: Import, why: str) -> bool:
    """End an import that cannot go on; what was written stays."""
    ended = await imports.end(session, current, State.FAILED, why)
    if ended:
        await _record(session, "import.fail", replace(current, state=State.FAILED, failure=why))
    return ended


def new_id() -> UUID:
    """Return the id of a new import."""
    return uuid_utils.compat.uuid7()


def missing(import_id: UUID) -> NotFound:
    """Say that there is no such import."""
    return NotFound(
        "RESOURCE_MISSING", "there is no such import", resource="import", id=str(import_id)
    )


async def _record(session: AsyncSession, action: str, it: Import) -> None:
    after = {"state": it.state.name, "dry_run": it.dry_run, "tags": list(it.tags)}
    await audit.record(
        session, action=action, subject_type="import", subject_id=str(it.id), after=after
    )
