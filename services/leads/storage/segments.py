"""Stored segments, and what they find."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from chassis.scope import Scope
from services.leads.domain.contact import Contact
from services.leads.domain.segment import Group, Segment
from services.leads.storage import conditions, contact_rows, definitions, owned, sealed
from services.leads.storage.tables import contacts, segments

Key = tuple[object, ...]


async def get(session: AsyncSession, segment_id: UUID, *, lock: bool = False) -> Segment | None:
    """Return a segment, locked for update if asked."""
    query = select(segments).where(segments.c.id == segment_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return _segment(row) if row else None


async def existing(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Segment]:
    """Return those of the segments that exist; locks nothing."""
    found = await session.execute(select(segments).where(segments.c.id.in_(ids))) if ids else ()
    return {it.id: _segment(it) for it in found}


async def name_taken(session: AsyncSession, name: str, but: UUID | None) -> bool:
    """Whether another segment has this name, case aside."""
    query = select(segments.c.id).where(func.lower(segments.c.name) == func.lower(name))
    return await session.scalar(query.where(segments.c.id != but) if but else query) is not None


async def page(session: AsyncSession, page: Page) -> tuple[list[Segment], Key | None]:
    """Return a page of segments by name without accents, and where the next one starts."""
    key = func.fold(segments.c.name)
    query = select(segments, key.label("key")).order_by(key, segments.c.id)
    if page.after:
        query = query.where(tuple_(key, segments.c.id) > page.after)
    rows = (await session.execute(query.limit(page.size + 1))).all()
    shown = rows[: page.size]
    after = (shown[-1].key, shown[-1].id) if len(rows) > page.size else None
    return [_segment(it) for it in shown], after


async def store(session: AsyncSession, segment: Segment, *, is_new: bool) -> None:
    """Insert a segment, or write one the caller has locked."""
    values = {**vars(segment), "definition": definitions.plain(segment.definition)}
    if is_new:
        await session.execute(insert(segments).values(values))
    else:
        await session.execute(update(segments).where(segments.c.id == segment.id).values(values))


async def remove(session: AsyncSession, segment_id: UUID) -> None:
    """Delete a segment."""
    await session.execute(delete(segments).where(segments.c.id == segment_id))


async def preview(
    session: AsyncSession, definition: Group, scope: Scope, now: datetime, sample_size: int
) -> tuple[int, list[Contact]]:
    """Return how many contacts within reach match, and some of them, newest first.

    Both are of one moment when the transaction is REPEATABLE READ. Locks nothing.
    """
    matching = (owned.contacts(scope), conditions.compiled(definition, now))
    count = await session.scalar(select(func.count()).select_from(contacts).where(*matching))
    newest = (contacts.c.create_time.desc(), contacts.c.id.desc())
    sample = select(*contact_rows.READ).where(*matching).order_by(*newest).limit(sample_size)
    rows = await session.execute(sample)
    return count or 0, [sealed.opened(session, contact_rows.contact(it)) for it in rows]


async def one_moment(session: AsyncSession) -> None:
    """Make all reads of this transaction see one moment; call it first."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _segment(it: object) -> Segment:
    row = it._mapping  # type: ignore[attr-defined]
    return Segment(
        id=row["id"],
        revision=row["revision"],
        name=row["name"],
        description=row["description"],
        definition=definitions.group(row["definition"]),
        create_time=row["create_time"],
        update_time=row["update_time"],
    )
