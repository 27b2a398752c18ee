"""Queries of notes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.notes import Note
from services.interactions.storage.tables import notes


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Note:
    """Stores a new note."""
    query = insert(notes).values(values).returning(notes)
    return _note((await session.execute(query)).one())


async def get(session: AsyncSession, note_id: UUID, *, lock: bool = False) -> Note | None:
    """Returns one; `lock` keeps others from changing it until the transaction ends."""
    query = select(notes).where(notes.c.id == note_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return _note(row) if row else None


async def change(session: AsyncSession, note_id: UUID, values: Mapping[str, Any]) -> Note:
    """Sets columns and raises the revision of one that was locked before."""
    query = (
        update(notes)
        .where(notes.c.id == note_id)
        .values({**values, "revision": notes.c.revision + 1, "update_time": func.now()})
        .returning(notes)
    )
    return _note((await session.execute(query)).one())


async def drop(session: AsyncSession, note_id: UUID) -> None:
    """Deletes one that was locked before."""
    await session.execute(delete(notes).where(notes.c.id == note_id))


async def drop_of_contact(session: AsyncSession, contact_id: UUID) -> Sequence[Note]:
    """Deletes and returns all of a contact."""
    query = delete(notes).where(notes.c.contact_id == contact_id).returning(notes)
    return [_note(row) for row in await session.execute(query)]


async def page(
    session: AsyncSession, contact_id: UUID, size: int, before: tuple[datetime, UUID] | None
) -> Sequence[Note]:
    """Returns up to `size` of a contact, newest first, from before the given place."""
    query = (
        select(notes)
        .where(notes.c.contact_id == contact_id)
        .order_by(notes.c.create_time.desc(), notes.c.id.desc())
        .limit(size)
    )
    if before is not None:
        query = query.where(tuple_(notes.c.create_time, notes.c.id) < before)
    return [_note(row) for row in await session.execute(query)]


def _note(row: Row[Any]) -> Note:
    return Note(**{**row._mapping, "mentioned_user_ids": tuple(row.mentioned_user_ids)})
