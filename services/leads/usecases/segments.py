"""Segments: stored questions about contacts, and their answers of now."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from chassis.db.outbox import Class
from chassis.errors import AlreadyExists
from services.leads.domain import conditions
from services.leads.domain.contact import Contact
from services.leads.domain.fields import Checks
from services.leads.domain.segment import Group, Segment, Window
from services.leads.messages import events
from services.leads.storage import definitions, sources
from services.leads.storage import segments as storage
from services.leads.usecases import access, trail

MAX_SAMPLE = 100
_SAMPLE = 10


@dataclass(frozen=True, kw_only=True)
class SegmentDraft:
    """A segment as somebody wrote it."""

    name: str
    description: str
    definition: Group


@dataclass(frozen=True)
class Preview:
    """How many contacts match, some of them, and the windows that were counted back."""

    count: int
    sample: list[Contact]
    windows: list[Window]


def check(checks: Checks, draft: SegmentDraft) -> SegmentDraft:
    """Return the draft cleaned; what is wrong is noted below `segment.`."""
    name = checks.line("segment.name", draft.name, 120, required=True)
    description = checks.paragraphs("segment.description", draft.description, 1_000)
    conditions.check(checks, draft.definition, "segment.definition")
    return replace(draft, name=name, description=description)


async def create(
    session: AsyncSession, checks: Checks, draft: SegmentDraft, *, now: datetime
) -> Segment:
    """Store a segment; raises `InvalidArgument` with what `checks` has noted and what is wrong.

    Raises `AlreadyExists` when its name is taken.
    """
    draft = check(checks, draft)
    checks.finish()
    await _refuse_taken(session, draft.name, None)
    segment = Segment(
        id=uuid_utils.compat.uuid7(), revision=1, **vars(draft), create_time=now, update_time=now
    )
    await storage.store(session, segment, is_new=True)
    await _tell(session, None, segment)
    return segment


async def get(session: AsyncSession, segment_id: UUID) -> Segment:
    """Return a segment; raises `NotFound`."""
    found = await storage.get(session, segment_id)
    if found is None:
        raise access.missing("segment", segment_id)
    return found


async def change(
    session: AsyncSession,
    checks: Checks,
    segment_id: UUID,
    etag: str,
    given: SegmentDraft,
    fields: Collection[str],
    *,
    now: datetime,
) -> Segment:
    """Change the named fields; raises as `create`, `NotFound`, `Aborted` for a stale etag."""
    before = await storage.get(session, segment_id, lock=True)
    if before is None:
        raise access.missing("segment", segment_id)
    access.check_etag("segment", segment_id, before.revision, etag)
    known = SegmentDraft(
        name=before.name, description=before.description, definition=before.definition
    )
    draft = check(checks, replace(known, **{it: getattr(given, it) for it in fields}))
    checks.finish()
    if draft == known:
        return before
    await _refuse_taken(session, draft.name, segment_id)
    after = replace(before, **vars(draft), revision=before.revision + 1, update_time=now)
    await storage.store(session, after, is_new=False)
    await _tell(session, before, after)
    return after


async def delete(session: AsyncSession, segment_id: UUID, etag: str) -> None:
    """Delete a segment; audiences frozen from it stay."""
    before = await storage.get(session, segment_id, lock=True)
    if before is None:
        raise access.missing("segment", segment_id)
    access.check_etag("segment", segment_id, before.revision, etag)
    await storage.remove(session, segment_id)
    await _tell(session, before, None)


async def preview(
    session: AsyncSession, definition: Group, sample_size: int, *, now: datetime
) -> Preview:
    """Count and sample the contacts the caller may read that match; both of one moment."""
    scope = access.scope("read")
    await storage.one_moment(session)
    size = min(sample_size or _SAMPLE, MAX_SAMPLE)
    count, sample = await storage.preview(session, definition, scope, now, size)
    return Preview(count, sample, conditions.windows(definition, now))


async def _tell(session: AsyncSession, before: Segment | None, after: Segment | None) -> None:
    subject = after or before
    if subject is None:
        return
    revision = after.revision if after else subject.revision + 1
    told = events.segment_changed(replace(subject, revision=revision), is_deleted=after is None)
    await outbox.add(session, told, to=Class.FACTS, key=str(subject.id), revision=revision)
    action = "delete" if after is None else "update" if before else "create"
    await trail.changed(session, action, "segment", subject.id, _plain(before), _plain(after))


def _plain(it: Segment | None) -> dict[str, object] | None:
    return {**vars(it), "definition": definitions.plain(it.definition)} if it else None


async def _refuse_taken(session: AsyncSession, name: str, but: UUID | None) -> None:
    await sources.take_turn(session, "segments")
    if await storage.name_taken(session, name, but):
        raise AlreadyExists(
            "RESOURCE_EXISTS", "another segment has this name", resource="segment", field="name"
        )
