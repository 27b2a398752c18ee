"""Queries of a contact's story: facts from events, notes and follow-ups from their own tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, cast, delete, func, literal, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.scope import Scope
from services.interactions.domain.timeline import Entry, Fact, Kind
from services.interactions.storage import scopes
from services.interactions.storage.tables import facts, follow_ups, notes


async def put(session: AsyncSession, told: Sequence[Fact]) -> None:
    """Stores facts; what was told of the same fact stays if its version is greater."""
    newest: dict[UUID, Fact] = {}
    for fact in told:
        known = newest.get(fact.entry.id)
        if known is None or fact.version > known.version:
            newest[fact.entry.id] = fact
    if not newest:
        return
    rows = [_row(newest[key]) for key in sorted(newest)]
    query = upsert(facts).values(rows)
    changed = {name: query.excluded[name] for name in rows[0] if name != "id"}
    await session.execute(
        query.on_conflict_do_update(
            index_elements=[facts.c.id],
            set_=changed,
            where=facts.c.version < query.excluded.version,
        )
    )


async def drop_of_contact(session: AsyncSession, contact_id: UUID) -> None:
    """Deletes all facts of a contact."""
    await session.execute(delete(facts).where(facts.c.contact_id == contact_id))


async def page(
    session: AsyncSession,
    contact_id: UUID,
    kinds: Sequence[Kind],
    reach: Scope,
    size: int,
    before: tuple[datetime, UUID] | None,
) -> Sequence[Entry]:
    """Returns up to `size` entries of these kinds, newest first, from before the given place.

    `reach` is the caller's right to read follow-ups; those beyond it are left out.
    """
    sources = [_facts(contact_id, kinds)]
    if Kind.NOTE in kinds:
        sources.append(_notes(contact_id))
    if Kind.FOLLOW_UP in kinds:
        sources.append(_follow_ups(contact_id, reach))
    parts = []
    for source in sources:
        part = source.subquery()
        query = select(part).order_by(part.c.time.desc(), part.c.id.desc()).limit(size)
        if before is not None:
            query = query.where(tuple_(part.c.time, part.c.id) < before)
        parts.append(query.subquery().select())
    whole = union_all(*parts).subquery()
    query = select(whole).order_by(whole.c.time.desc(), whole.c.id.desc()).limit(size)
    return [
        Entry(row.id, row.time, Kind(row.kind), row.resource_id, row.actor, row.details)
        for row in await session.execute(query)
    ]


def _facts(contact_id: UUID, kinds: Sequence[Kind]) -> Select[Any]:
    return select(
        facts.c.id,
        facts.c.time,
        facts.c.kind,
        facts.c.resource_id,
        facts.c.actor,
        facts.c.details,
    ).where(facts.c.contact_id == contact_id, facts.c.kind.in_(kinds))


def _notes(contact_id: UUID) -> Select[Any]:
    details: Any = func.jsonb_build_object("text", notes.c.text, type_=JSONB)
    return select(
        notes.c.id,
        notes.c.create_time.label("time"),
        literal(Kind.NOTE.value).label("kind"),
        cast(notes.c.id, Text).label("resource_id"),
        notes.c.author_id.label("actor"),
        details.label("details"),
    ).where(notes.c.contact_id == contact_id)


def _follow_ups(contact_id: UUID, reach: Scope) -> Select[Any]:
    told = ("title", "type", "status", "outcome")
    pairs = [part for name in told for part in (name, follow_ups.c[name])]
    details: Any = func.jsonb_build_object(*pairs, type_=JSONB)
    return select(
        follow_ups.c.id,
        follow_ups.c.start_time.label("time"),
        literal(Kind.FOLLOW_UP.value).label("kind"),
        cast(follow_ups.c.id, Text).label("resource_id"),
        follow_ups.c.creator_id.label("actor"),
        details.label("details"),
    ).where(follow_ups.c.contact_id == contact_id, scopes.within(reach))


def _row(fact: Fact) -> dict[str, Any]:
    entry = fact.entry
    return {
        "id": entry.id,
        "contact_id": fact.contact_id,
        "time": entry.time,
        "kind": entry.kind.value,
        "resource_id": entry.resource_id,
        "actor": entry.actor,
        "details": dict(entry.details),
        "version": fact.version,
    }
