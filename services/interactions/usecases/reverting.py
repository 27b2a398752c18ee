"""Batches taken back in one act: what was made is cancelled page by page."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain.batches import Batch
from services.interactions.storage import batches, contacts, reverting, standings
from services.interactions.usecases import announce
from services.interactions.usecases.batches import RESOURCE, locked
from services.interactions.usecases.found import existing, forbidden


async def begin(session: AsyncSession, readable: Scope, allowed: Scope, batch_id: UUID) -> Batch:
    """Makes no more and has what was made cancelled; one that is taken back stays as it is.

    Raises `NotFound`, and `PermissionDenied` for whoever is only among its assignees.
    """
    kept = await locked(session, readable, allowed, batch_id)
    if not kept.reverted_by(allowed):
        raise forbidden("follow_ups", "write")
    if not await reverting.begin(session, batch_id):
        return kept
    after = existing(await batches.get(session, batch_id), RESOURCE, batch_id)
    await announce.batch_changed(session, "revert", after)
    return after


async def go_on(session: AsyncSession, limit: int) -> int | None:
    """Cancels up to `limit` follow-ups of one batch, or ends it; None where none is taken back.

    Returns how many were cancelled, which are counted in the same transaction.
    """
    # First, as whoever deletes a contact does, or the two could wait for each other.
    await contacts.lock_against_deletion(session)
    held = await reverting.hold(session)
    if held is None:
        return None
    found = await reverting.page(session, held, limit)
    if not found:
        await reverting.end(session, held)
        return 0
    cancelled = await reverting.cancel(session, [it for it, _ in found])
    await reverting.advance(session, held, found[-1][1], len(cancelled))
    await announce.follow_ups_closed(session, cancelled)
    await standings.refresh(session, [it.contact_id for it in cancelled])
    return len(cancelled)
