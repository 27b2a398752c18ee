"""Plans the follow-ups of series: those of the next 60 days, each once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain import recurrence
from services.interactions.domain import series as rules
from services.interactions.domain.follow_ups import PENDING, FollowUp, Status
from services.interactions.domain.recurrence import Calendar
from services.interactions.domain.series import Planned, Series
from services.interactions.domain.working import next_time as working_time
from services.interactions.storage import (
    contacts,
    follow_ups,
    occurrences,
    reminders,
    standings,
    working,
)
from services.interactions.usecases import announce, deliveries

ROWS = 5_000
"""How many follow-ups one transaction plans, but for what one time of one series takes."""


@dataclass
class _Batch:
    now: datetime
    planned: list[Planned] = field(default_factory=list)
    moved: list[occurrences.Moved] = field(default_factory=list)
    touched: set[UUID | None] = field(default_factory=set)


async def expand_due(session: AsyncSession, limit: int) -> int:
    """Plans for up to `limit` series that are due; returns how many were looked at."""
    await contacts.lock_against_deletion(session)
    claimed = await occurrences.claim(session, limit)
    return await expand(session, claimed) if claimed else 0


async def expand(
    session: AsyncSession, claimed: Sequence[Series], touched: Iterable[UUID | None] = ()
) -> int:
    """Plans for series that were locked before, with contacts' deletions locked out.

    Finds anew where contacts stand, those `touched` before included: the transaction's last act.
    Returns how many were looked at: those beyond `ROWS` follow-ups are left as they were.
    """
    batch = _Batch(await follow_ups.database_time(session), touched=set(touched))
    for each in claimed:
        if len(batch.planned) >= ROWS:
            break
        if isinstance(each.rule, Calendar):
            _by_calendar(each, each.rule, batch)
        else:
            wanted = await _wanted(session, each, each.rule)
            await _by_facts(session, each, wanted, batch)
    new = await occurrences.add(session, batch.planned)
    if any(it.message is not None for it in claimed):
        await occurrences.send(session, new)
    if any(it.reminders for it in claimed):
        await reminders.put_those_of(session, [it.id for it in new])
    await occurrences.move(session, batch.moved)
    await announce.occurrences_planned(session, new)
    await standings.refresh(session, batch.touched | {it.contact_id for it in new})
    return len(batch.moved)


def _by_calendar(each: Series, rule: Calendar, batch: _Batch) -> None:
    if each.cursor is None or not each.has_somebody:
        batch.moved.append((each.id, None, None))
        return
    # A message to several is one follow-up, with a delivery for each.
    left = max(1, (ROWS - len(batch.planned)) // max(1, len(each.contact_ids)))
    horizon = batch.now + recurrence.HORIZON
    found = recurrence.plan(rule, each.cursor, each.since, horizon, left)
    batch.planned += [
        Planned(uuid_utils.compat.uuid7(), each.id, contact_id, time, time)
        for time in found.times
        for contact_id in each.audience
    ]
    batch.moved.append((each.id, found.cursor, found.due))


async def _wanted(
    session: AsyncSession, each: Series, rule: rules.AfterOrder | rules.InvoiceDue
) -> rules.Wanted:
    """Whom to follow up and when, by what is known of the contacts now."""
    if isinstance(rule, rules.AfterOrder):
        return rules.after(rule, await occurrences.last_orders(session, each.contact_ids))
    return rules.due(rule, await occurrences.unpaid(session, each.contact_ids))


async def _by_facts(
    session: AsyncSession, each: Series, wanted: rules.Wanted, batch: _Batch
) -> None:
    """Plans what is wanted now, and takes back what was wanted before.

    What falls outside working hours begins with the next working time; it is known by the time
    that its rule gave, so that other hours plan nothing twice.
    """
    hours = await working.effective(session, each.team_id)
    gone = await occurrences.drop_untouched(session, each.id, batch.now, but=wanted)
    await announce.occurrences_dropped(session, gone)
    batch.touched |= set(gone.values())
    horizon = batch.now + recurrence.HORIZON
    far = [time for _, time in wanted if time >= horizon]
    batch.planned += [
        Planned(uuid_utils.compat.uuid7(), each.id, contact_id, time, working_time(hours, time))
        for contact_id, time in sorted(wanted)
        if each.since <= time < horizon
    ]
    due = min(far) - recurrence.HORIZON if far else None
    batch.moved.append((each.id, None, due))


async def take_back(
    session: AsyncSession, series_id: UUID, now: datetime, since: datetime | None = None
) -> set[UUID | None]:
    """Deletes what a series planned for the future and nobody touched; returns whose it was."""
    gone = await occurrences.drop_untouched(session, series_id, now, since=since)
    await announce.occurrences_dropped(session, gone)
    return set(gone.values())


async def stop_messages(
    session: AsyncSession, series_id: UUID, now: datetime, why: str
) -> Sequence[FollowUp]:
    """Cancels a series' follow-ups with messages, whose outcome says why; returns them.

    What is not handed over of them goes no more.
    """
    ids = await occurrences.pending_messages(session, series_id)
    found = await follow_ups.locked_among(session, ids)
    pending = [it for it in found.values() if it.status in PENDING]
    for kept in pending:
        values = {"status": Status.CANCELLED, "outcome": why, "close_time": now}
        after = await follow_ups.change(session, kept, values)
        await deliveries.stop(session, kept)
        await announce.follow_up_changed(session, "cancel", kept, after)
    return pending
