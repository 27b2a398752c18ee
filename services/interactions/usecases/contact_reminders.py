"""Reminders to contacts: claimed when their time has come, recorded, moved by news."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain import deliveries as rules
from services.interactions.domain.contact_reminders import Key, Reminder
from services.interactions.domain.deliveries import Delivery, News
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.storage import contact_reminders, contacts, follow_ups


class Batch(NamedTuple):
    """What was claimed under one number, with the follow-ups; `now` is the database's."""

    number: int
    taken: Sequence[Reminder]
    follow_ups: Mapping[UUID, FollowUp]
    now: datetime


async def claim(session: AsyncSession, limit: int, lease: timedelta) -> Batch | None:
    """Claims what waits; None where nothing does."""
    claimed = await contact_reminders.claim(session, limit, lease)
    if claimed is None:
        return None
    # A statement of its own, which sees what changed the follow-ups before the claim.
    ids = {it.delivery.key.follow_up_id for it in claimed.taken}
    known = {it.id: it for it in await follow_ups.get_many(session, ids)}
    return Batch(claimed.number, claimed.taken, known, claimed.now)


async def record(
    session: AsyncSession, number: int, found: Mapping[Key, News]
) -> list[Delivery[Key]]:
    """Writes down what came of a claim's reminders; returns those that it moved."""
    return await _change(session, found, lambda it: rules.recorded(it, number, found[it.key]))


async def settle(session: AsyncSession, told: Mapping[Key, Sequence[News]]) -> list[Delivery[Key]]:
    """Moves reminders by the notifier's news, in any order; returns those that moved."""
    newest = {key: max(news, key=lambda it: it.revision) for key, news in told.items()}
    return await _change(session, told, lambda it: rules.told(it, newest[it.key]))


async def _change(
    session: AsyncSession,
    keys: Collection[Key],
    after: Callable[[Delivery[Key]], Delivery[Key] | None],
) -> list[Delivery[Key]]:
    if not keys:
        return []
    # First, as whoever deletes a contact does, or the two could wait for each other.
    await contacts.lock_against_deletion(session)
    kept = await contact_reminders.lock(session, keys)
    changed = [it for it in map(after, kept) if it is not None]
    await contact_reminders.store(session, changed)
    return changed
