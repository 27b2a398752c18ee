"""Notes: writing, changing, deleting."""

from collections.abc import Sequence
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain.notes import Note
from services.interactions.storage import follow_ups, notes
from services.interactions.usecases import announce, notifying, story
from services.interactions.usecases.found import existing, forbidden, unchanged

RESOURCE = "note"


async def create(
    session: AsyncSession, caller: Scope, contact_id: UUID, text: str, mentioned: Sequence[UUID]
) -> Note:
    """Writes a note about a contact that the caller may see; raises `NotFound` if it is gone.

    Whoever is mentioned was checked before.
    """
    await story.still_there(session, contact_id)
    now = await follow_ups.database_time(session)
    made = await notes.add(
        session,
        {
            "id": uuid_utils.compat.uuid7(),
            "revision": 1,
            "contact_id": contact_id,
            "text": text,
            "author_id": caller.subject,
            "create_time": now,
            "update_time": now,
            "mentioned_user_ids": list(mentioned),
        },
    )
    await announce.note_added(session, made)
    await notifying.mentioned(session, made)
    return made


async def get(session: AsyncSession, note_id: UUID) -> Note:
    """Returns one; raises `NotFound`. Whether its contact may be seen is for the edge to ask."""
    return existing(await notes.get(session, note_id), RESOURCE, note_id)


async def update(
    session: AsyncSession,
    allowed: Scope,
    note_id: UUID,
    etag: str,
    text: str,
    mentioned: Sequence[UUID],
) -> Note:
    """Replaces the text of a note and whom it mentions; the same once more changes nothing."""
    before = await _changeable(session, allowed, note_id, etag, "write")
    if before.text == text and before.mentioned_user_ids == tuple(mentioned):
        return before
    values = {"text": text, "mentioned_user_ids": list(mentioned)}
    now = await notes.change(session, note_id, values)
    await announce.note_changed(session, "update", now, before=before, after=now)
    await notifying.mentioned(session, now)
    return now


async def delete(session: AsyncSession, allowed: Scope, note_id: UUID, etag: str) -> None:
    """Deletes a note."""
    before = await _changeable(session, allowed, note_id, etag, "delete")
    await notes.drop(session, note_id)
    await notifying.forget(session, [before])
    await announce.note_changed(session, "delete", before, before=before, after=None)


async def _changeable(
    session: AsyncSession, allowed: Scope, note_id: UUID, etag: str, action: str
) -> Note:
    kept = existing(await notes.get(session, note_id, lock=True), RESOURCE, note_id)
    if not kept.changeable(allowed):
        raise forbidden("notes", action)
    unchanged(etag, kept.revision, RESOURCE, note_id)
    return kept
