"""Interactions: logging one, with the next step, and taking it back."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain import interactions as rules
from services.interactions.domain.fields import Problems
from services.interactions.domain.interactions import Interaction
from services.interactions.storage import contacts, interactions, standings
from services.interactions.storage import follow_ups as planned
from services.interactions.usecases import announce, follow_ups, story
from services.interactions.usecases.found import existing, forbidden, unchanged

RESOURCE = "interaction"


async def log(
    session: AsyncSession,
    caller: Scope,
    columns: Mapping[str, Any],
    next_columns: Mapping[str, Any] | None,
) -> Interaction:
    """Logs an interaction and plans the next step, whose columns were checked.

    Raises `NotFound` if the contact was deleted meanwhile, `InvalidArgument` for a time to come.
    """
    contact_id, problems = columns["contact_id"], Problems()
    await story.still_there(session, contact_id)
    now = await planned.database_time(session)
    start = rules.begun(columns["start_time"], now, problems)
    problems.raise_if_any()
    next_id = None
    if next_columns is not None:
        step = {**next_columns, "contact_id": contact_id}
        next_id = (await follow_ups.create(session, caller, step)).id
    values = {
        **columns,
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        "start_time": start,
        "next_follow_up_id": next_id,
        "author_id": caller.subject,
        "create_time": now,
    }
    made = await interactions.add(session, values)
    await announce.interaction_logged(session, made)
    await standings.refresh(session, [contact_id])
    return made


async def get(session: AsyncSession, interaction_id: UUID) -> Interaction:
    """Returns one; raises `NotFound`. Whether its contact may be seen is for the edge to ask."""
    return existing(await interactions.get(session, interaction_id), RESOURCE, interaction_id)


async def delete(session: AsyncSession, allowed: Scope, interaction_id: UUID, etag: str) -> None:
    """Deletes one; the newest real contact before it is the last interaction again."""
    await contacts.lock_against_deletion(session)
    found = await interactions.get(session, interaction_id, lock=True)
    kept = existing(found, RESOURCE, interaction_id)
    if not kept.deletable(allowed):
        raise forbidden("notes", "delete")
    unchanged(etag, kept.revision, RESOURCE, interaction_id)
    await interactions.drop(session, interaction_id)
    await announce.interaction_deleted(session, kept)
    await standings.refresh(session, [kept.contact_id])
