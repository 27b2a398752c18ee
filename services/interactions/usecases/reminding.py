"""Reminders: planned with their follow-up, given once when their time comes."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain import reminders as rules
from services.interactions.domain.contact_reminders import Key
from services.interactions.domain.follow_ups import PENDING, FollowUp
from services.interactions.domain.reminders import Channel, Due
from services.interactions.storage import (
    contact_reminders,
    contacts,
    follow_ups,
    reminder_letters,
    reminders,
)
from services.interactions.usecases import notifying


async def plan(session: AsyncSession, now: FollowUp, before: FollowUp | None = None) -> None:
    """Plans the reminders of a follow-up that is new, or differs from what it was `before`.

    What would have been given already is not; one that is closed has none any more.
    """
    has_any = now.reminders or (before is not None and before.reminders)
    if has_any and (before is None or _stands(now) != _stands(before)):
        time = await follow_ups.database_time(session)
        kept = now.reminders if now.status in PENDING else ()
        await reminders.put(session, now.id, rules.planned(kept, now.start_time, time))
        await reminder_letters.drop_untried(session, now.id)


async def give_due(session: AsyncSession, limit: int) -> int:
    """Reminds of what is due and has not begun; returns how many were looked at.

    Whatever was due while nobody looked is given now, once, or never if the start has passed; of
    a contact's that is kept, with its reason.
    """
    # First, as whoever deletes a contact does, or the two could wait for each other.
    await contacts.lock_against_deletion(session)
    due = await reminders.take_due(session, limit)
    # A statement of its own, which sees what closed the follow-ups before these were taken.
    found = await follow_ups.get_many(session, {it.follow_up_id for it in due})
    known = {it.id: it for it in found}
    now = await follow_ups.database_time(session)
    for each in due:
        follow_up = known.get(each.follow_up_id)
        if follow_up is None or follow_up.status not in PENDING:
            continue
        await _tell_contact(session, follow_up, each)
        if each.start_time > now:
            await _give(session, follow_up, each)
    return len(due)


async def _give(session: AsyncSession, follow_up: FollowUp, due: Due) -> None:
    channels = rules.channels(follow_up.reminders, due.minutes_before)
    if Channel.IN_APP in channels:
        await notifying.reminded(session, follow_up, due)
    if Channel.EMAIL in channels:
        await reminder_letters.add(
            session, follow_up.id, due.minutes_before, due.start_time, follow_up.assignee_ids
        )


async def _tell_contact(session: AsyncSession, follow_up: FollowUp, due: Due) -> None:
    sender = rules.to_contact(follow_up.reminders, due.minutes_before)
    if sender is not None and follow_up.contact_id is not None:
        key = Key(follow_up.id, follow_up.contact_id, due.minutes_before, due.start_time)
        await contact_reminders.add(session, key, sender)


def _stands(follow_up: FollowUp) -> tuple[object, ...]:
    return follow_up.start_time, follow_up.reminders, follow_up.status in PENDING
