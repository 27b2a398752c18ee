"""Batches: begun, made page by page, ended."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain.batches import Batch, Made, State
from services.interactions.storage import batches, contacts, follow_ups, standings
from services.interactions.usecases import announce, notifying
from services.interactions.usecases.found import existing, forbidden, missing

RESOURCE = "follow_up_batch"


async def create(session: AsyncSession, caller: Scope, columns: Mapping[str, Any]) -> Batch:
    """Begins a batch whose columns were checked; it is the creator's where nobody is named."""
    now = await follow_ups.database_time(session)
    alone = [caller.user_id] if caller.user_id is not None else []
    values = {
        "id": uuid_utils.compat.uuid7(),
        "creator_id": caller.subject,
        "create_time": now,
        "update_time": now,
        **columns,
        "contact_ids": sorted(columns["contact_ids"]),
        "assignee_ids": columns["assignee_ids"] or alone,
        "team_id": columns["team_id"] or caller.team_id,
    }
    made = await batches.create(session, values)
    await announce.batch_changed(session, "create", made)
    return made


async def get(session: AsyncSession, readable: Scope, batch_id: UUID) -> Batch:
    """Returns one within reach; raises `NotFound`."""
    kept = existing(await batches.get(session, batch_id), RESOURCE, batch_id)
    if not kept.within(readable):
        raise missing(RESOURCE, batch_id)
    return kept


async def locked(session: AsyncSession, readable: Scope, allowed: Scope, batch_id: UUID) -> Batch:
    """Returns one, locked, that the caller may change.

    Raises `NotFound` when it is beyond what the caller may see, `PermissionDenied` beyond that.
    """
    kept = existing(await batches.get(session, batch_id, lock=True), RESOURCE, batch_id)
    if kept.within(allowed):
        return kept
    raise forbidden("follow_ups", "write") if kept.within(readable) else missing(RESOURCE, kept.id)


async def cancel(session: AsyncSession, readable: Scope, allowed: Scope, batch_id: UUID) -> Batch:
    """Makes no more; one that is over stays as it is. Raises as `locked`."""
    kept = await locked(session, readable, allowed, batch_id)
    if not await batches.end(session, batch_id, State.CANCELLED):
        return kept
    after = existing(await batches.get(session, batch_id), RESOURCE, batch_id)
    await announce.batch_changed(session, "cancel", after)
    return after


async def make(
    session: AsyncSession,
    held: Batch,
    contact_ids: Sequence[UUID],
    cursor: int,
    lease: timedelta,
) -> bool:
    """Makes the follow-ups of contacts up to the ordinal `cursor`; False where others are at it.

    Who was deleted is left out. How far it is and what was made are stored together.
    """
    # First, as whoever deletes a contact does, or the two could wait for each other.
    await contacts.lock_against_deletion(session)
    known = await contacts.several(session, contact_ids)
    there = [it for it in map(known.get, contact_ids) if it is not None and not it.deleted]
    left_out = len(contact_ids) - len(there)
    if not await batches.advance(session, held, cursor, len(there), left_out, lease):
        return False
    made = [Made(uuid_utils.compat.uuid7(), it.id, held.owner(it)) for it in there]
    assignees = await batches.add(session, held.id, made)
    await notifying.batch_made(session, held, assignees)
    await announce.batch_planned(session, held, made)
    await standings.refresh(session, [it.contact_id for it in made])
    return True


async def complete_if_done(session: AsyncSession, held: Batch) -> None:
    """Ends one whose contacts are all done with, if nobody else has it."""
    now = await batches.get(session, held.id, lock=True)
    if now is not None and now.cursor == now.contact_count:
        await batches.end(session, held.id, State.COMPLETED, held.claim)
