"""Sources and life stages, which the organisation shapes for itself."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import AlreadyExists, FailedPrecondition, ResourceExhausted
from services.leads.domain.source import Source, StageDraft, check_source, check_stage
from services.leads.domain.status import LifeStage
from services.leads.storage import sources as storage
from services.leads.usecases import access, trail

MOST_STAGES = 100
"""A contact's index entry, from which reports count, has room for so many that it has passed."""


async def create(session: AsyncSession, name: str, code: str, *, now: datetime) -> Source:
    """Add a source; raises `AlreadyExists` when its name or code is taken."""
    name, code = check_source(name, code)
    await storage.take_turn(session, "sources")
    _refuse_taken("source", await storage.taken(session, name, code, None))
    source = Source(id=uuid_utils.compat.uuid7(), revision=1, name=name, code=code, create_time=now)
    await storage.store(session, source, is_new=True)
    await trail.changed(session, "create", "source", source.id, None, vars(source))
    return source


async def get(session: AsyncSession, source_id: UUID) -> Source:
    """Return a source; raises `NotFound`."""
    found = await storage.get(session, source_id)
    if found is None:
        raise access.missing("source", source_id)
    return found


async def change(
    session: AsyncSession, given: Source, etag: str, fields: Collection[str]
) -> Source:
    """Change the named fields; raises as `create`, `NotFound`, `Aborted` for a stale etag."""
    await storage.take_turn(session, "sources")
    before = await _held(session, given.id)
    access.check_etag("source", before.id, before.revision, etag)
    wanted = replace(before, **{it: getattr(given, it) for it in fields})
    name, code = check_source(wanted.name, wanted.code)
    after = replace(wanted, name=name, code=code)
    if after == before:
        return before
    if after.retire_time is not None:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            "a retired source stays as it is",
            resource="source",
            state="RETIRED",
            to="CHANGED",
        )
    _refuse_taken("source", await storage.taken(session, name, code, before.id))
    return await _store(session, before, after, "update")


async def retire(session: AsyncSession, source_id: UUID, *, now: datetime) -> Source:
    """Let nothing new come from a source; its figures stay. A retired one stays as it is."""
    before = await _held(session, source_id)
    if before.retire_time is not None:
        return before
    return await _store(session, before, replace(before, retire_time=now), "retire")


async def create_stage(session: AsyncSession, draft: StageDraft, *, now: datetime) -> LifeStage:
    """Add a life stage, last unless a position is given; raises `AlreadyExists` for a name."""
    draft, implied = check_stage(draft)
    await storage.take_turn(session, "life_stages")
    await _refuse_stage_name(session, draft.name, None)
    stages = await storage.stages(session)
    if len(stages) >= MOST_STAGES:
        raise ResourceExhausted("TOO_LARGE", "there are enough life stages", limit=MOST_STAGES)
    last = stages[-1].position if stages else 0
    stage = LifeStage(
        id=uuid_utils.compat.uuid7(),
        revision=1,
        name=draft.name,
        position=draft.position or last + 1,
        color=draft.color,
        probability=draft.probability,
        implied_status=implied,
        create_time=now,
    )
    await storage.store_stage(session, stage, is_new=True)
    await trail.changed(session, "create", "life_stage", stage.id, None, vars(stage))
    return stage


async def get_stage(session: AsyncSession, stage_id: UUID) -> LifeStage:
    """Return a life stage; raises `NotFound`."""
    found = await storage.stage(session, stage_id)
    if found is None:
        raise access.missing("life_stage", stage_id)
    return found


async def change_stage(
    session: AsyncSession, stage_id: UUID, etag: str, given: StageDraft, fields: Collection[str]
) -> LifeStage:
    """Change the named fields; contacts in the stage keep the status they have."""
    await storage.take_turn(session, "life_stages")
    before = await storage.stage(session, stage_id, lock=True)
    if before is None:
        raise access.missing("life_stage", stage_id)
    access.check_etag("life_stage", stage_id, before.revision, etag)
    known = StageDraft(
        name=before.name,
        position=before.position,
        color=before.color,
        probability=before.probability,
        implied_status=before.implied_status or 0,
    )
    draft, implied = check_stage(replace(known, **{it: getattr(given, it) for it in fields}))
    if draft == known:
        return before
    await _refuse_stage_name(session, draft.name, stage_id)
    after = replace(
        before,
        revision=before.revision + 1,
        name=draft.name,
        position=draft.position or before.position,
        color=draft.color,
        probability=draft.probability,
        implied_status=implied,
    )
    await storage.store_stage(session, after, is_new=False)
    await trail.changed(session, "update", "life_stage", stage_id, vars(before), vars(after))
    return after


async def _held(session: AsyncSession, source_id: UUID) -> Source:
    found = await storage.get(session, source_id, lock=True)
    if found is None:
        raise access.missing("source", source_id)
    return found


async def _store(session: AsyncSession, before: Source, after: Source, action: str) -> Source:
    after = replace(after, revision=before.revision + 1)
    await storage.store(session, after, is_new=False)
    await trail.changed(session, action, "source", after.id, vars(before), vars(after))
    return after


async def _refuse_stage_name(session: AsyncSession, name: str, but: UUID | None) -> None:
    taken = await storage.stage_name_taken(session, name, but)
    _refuse_taken("life_stage", "name" if taken else None)


def _refuse_taken(resource: str, field: str | None) -> None:
    if field is not None:
        raise AlreadyExists(
            "RESOURCE_EXISTS",
            f"another {resource} has this {field}",
            resource=resource,
            field=field,
        )
