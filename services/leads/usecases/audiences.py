"""Audiences: people frozen for a run, and looked at before there is one."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import audit
from services.leads.domain import fields
from services.leads.domain.audience import (
    MAX_SAMPLE,
    Audience,
    Division,
    Query,
    View,
    too_many,
)
from services.leads.domain.segment import Group
from services.leads.storage import audience_given, audiences, segments
from services.leads.usecases import access

# A million people take seconds to freeze or count, which no other statement may take.
BULK_SECONDS = 600.0
_SAMPLE = 10


async def freeze(session: AsyncSession, run_id: UUID, query: Query, *, now: datetime) -> Audience:
    """Freeze the people of a query under a run's id; asked again, return what was frozen first.

    Only contacts the caller may read are in it. Raises `NotFound` for an unknown segment,
    `InvalidArgument` for more conditions than are asked at once.
    """
    found = await audiences.get(session, run_id)
    if found is not None:
        return found
    await db.allow(session, BULK_SECONDS)
    wanted = await _asked(session, query, now)
    if not await audiences.claim(session, run_id, now):
        return await get(session, run_id)
    size = await audiences.freeze(session, run_id, wanted)
    await _record(session, "freeze", run_id, {"size": size})
    return Audience(run_id, size, now)


async def freeze_given(
    session: AsyncSession, run_id: UUID, ids: bytes, *, now: datetime
) -> Audience:
    """Freeze contacts that the caller chose, 16 bytes each; as `freeze`, but none is looked for."""
    found = await audiences.get(session, run_id)
    if found is not None:
        return found
    await db.allow(session, BULK_SECONDS)
    if not await audiences.claim(session, run_id, now):
        return await get(session, run_id)
    size = await audience_given.freeze(session, run_id, ids)
    await _record(session, "freeze", run_id, {"size": size})
    return Audience(run_id, size, now)


async def get(session: AsyncSession, run_id: UUID) -> Audience:
    """Return what was frozen for a run; raises `NotFound`."""
    found = await audiences.get(session, run_id)
    if found is None:
        raise access.missing("audience", run_id)
    return found


async def divide(
    session: AsyncSession, query: Query, view: View, sample_size: int, *, now: datetime
) -> Division:
    """Return how the people of a query would divide for a run, all counts of one moment."""
    await segments.one_moment(session)
    await db.allow(session, BULK_SECONDS)
    size = min(sample_size or _SAMPLE, MAX_SAMPLE)
    return await audiences.divide(session, await _asked(session, query, now), view, size)


async def anybody(session: AsyncSession, query: Query, *, now: datetime) -> bool:
    """Return whether there is anybody to freeze; raises `NotFound` for an unknown segment."""
    return await audiences.anybody(session, await _asked(session, query, now))


async def release(session: AsyncSession, run_id: UUID) -> None:
    """Forget an audience; one that is not there is forgotten already."""
    await db.allow(session, BULK_SECONDS)
    if await audiences.get(session, run_id) is not None:
        await audiences.release(session, run_id)
        await _record(session, "release", run_id, None)


async def _asked(session: AsyncSession, query: Query, now: datetime) -> ColumnElement[bool]:
    scope = access.scope("read")
    found = await _definitions(session, (*query.segment_ids, *query.excluded_segment_ids))
    fields.refuse(too_many(query, found))
    return audiences.asked(query, found, scope, now)


async def _definitions(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, Group]:
    wanted = set(ids)
    found = await segments.existing(session, wanted)
    for missing in sorted(wanted - set(found)):
        raise access.missing("segment", missing)
    return {it.id: it.definition for it in found.values()}


async def _record(
    session: AsyncSession, action: str, run_id: UUID, after: dict[str, object] | None
) -> None:
    await audit.record(
        session,
        action=f"audience.{action}",
        subject_type="audience",
        subject_id=str(run_id),
        after=after,
    )
