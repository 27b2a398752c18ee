"""Series: making, changing, ending; what changes one plans its future anew."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import forgotten
from chassis.errors import FieldViolation, InvalidArgument
from chassis.scope import Scope
from services.interactions.domain import recurrence, series_fields
from services.interactions.domain import series as rules
from services.interactions.domain.fields import Problems
from services.interactions.domain.recurrence import Calendar
from services.interactions.domain.series import Series
from services.interactions.storage import (
    contacts,
    deliveries,
    follow_ups,
    occurrences,
    series,
    standings,
)
from services.interactions.usecases import announce, expansion, notifying
from services.interactions.usecases.found import existing, forbidden, missing, unchanged

RESOURCE = "series"


async def create(session: AsyncSession, caller: Scope, columns: Mapping[str, Any]) -> Series:
    """Makes a series whose columns were checked; it is the creator's where nobody is named.

    What its rule gave before today is passed over, of a message before now. Raises `NotFound` if a
    contact was deleted.
    """
    await _still_there(session, columns["contact_ids"])
    now = await follow_ups.database_time(session)
    rule = columns["rule"]
    alone = [caller.user_id] if caller.user_id is not None else []
    values = {
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        "paused": False,
        "previous_series_id": None,
        "creator_id": caller.subject,
        "create_time": now,
        "update_time": now,
        **columns,
        "assignee_ids": columns["assignee_ids"] or alone,
        "team_id": columns["team_id"] or caller.team_id,
        **rules.begun(rule, now, _since(columns, now, recurrence.today(now, rule.zone))),
    }
    made = await series.add(session, values)
    await announce.series_changed(session, "create", None, made)
    await notifying.put_on(session, made)
    return await _planned(session, made)


async def get(session: AsyncSession, readable: Scope, series_id: UUID) -> Series:
    """Returns one within reach; raises `NotFound`."""
    kept = existing(await series.get(session, series_id), RESOURCE, series_id)
    if not kept.within(readable):
        raise missing(RESOURCE, series_id)
    return kept


async def locked(
    session: AsyncSession, readable: Scope, allowed: Scope, series_id: UUID, action: str
) -> Series:
    """Returns one, locked, that the caller may see and do something to.

    Locks contacts' deletions out first, as the workers do. Raises `NotFound` when it is beyond
    what the caller may see, `PermissionDenied` beyond that.
    """
    await contacts.lock_against_deletion(session)
    kept = existing(await series.get(session, series_id, lock=True), RESOURCE, series_id)
    if kept.within(allowed):
        return kept
    raise forbidden("follow_ups", action) if kept.within(readable) else missing(RESOURCE, kept.id)


async def update(
    session: AsyncSession, kept: Series, etag: str, columns: Mapping[str, Any]
) -> Series:
    """Changes the given values, and plans anew what nobody touched of the future."""
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    if not columns:
        return kept
    values = await _changed(session, kept, columns)
    now = await follow_ups.database_time(session)
    if not kept.paused:
        values.update(rules.begun(values.get("rule", kept.rule), now, now))
    return await _replanned(session, "update", kept, values, now)


async def delete(session: AsyncSession, kept: Series, etag: str) -> int:
    """Deletes one with what nobody touched of its future, and sends nothing more.

    Returns how many messages of what is cancelled had been handed over before.
    """
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    now = await follow_ups.database_time(session)
    touched = await expansion.take_back(session, kept.id, now)
    stopped = await expansion.stop_messages(session, kept.id, now, "series deleted")
    await series.drop(session, kept.id)
    await announce.series_changed(session, "delete", kept, None)
    await notifying.forget(session, [kept])
    await standings.refresh(session, touched | {it.contact_id for it in stopped})
    return await deliveries.count_handed_over(session, [it.id for it in stopped])


async def pause(session: AsyncSession, kept: Series, etag: str) -> Series:
    """Plans no more, and sends nothing more; one that is paused stays as it is."""
    if kept.paused:
        return kept
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    now = await follow_ups.database_time(session)
    touched = await expansion.take_back(session, kept.id, now)
    stopped = await expansion.stop_messages(session, kept.id, now, "series paused")
    touched |= {it.contact_id for it in stopped}
    after = await series.change(session, kept, {"paused": True, "due_time": None})
    await announce.series_changed(session, "pause", kept, after)
    await standings.refresh(session, touched)
    return after


async def resume(session: AsyncSession, kept: Series, etag: str) -> Series:
    """Plans again from now on; one that is not paused stays as it is."""
    if not kept.paused:
        return kept
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    now = await follow_ups.database_time(session)
    values = {"paused": False, **rules.begun(kept.rule, now, now)}
    return await _replanned(session, "resume", kept, values, now)


async def skip(session: AsyncSession, kept: Series, etag: str, time: datetime) -> Series:
    """Leaves out one time of a calendar rule; one that is left out already changes nothing."""
    rule = kept.calendar()
    found = recurrence.locals_at(rule, time)
    if not found and any(recurrence.instant(it, rule.zone) == time for it in rule.exceptions):
        return kept
    if not found:
        raise _refused("not a time of the series")
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    left_out = rule.exceptions | {local for local, _ in found}
    if len(left_out) > rules.MOST_EXCEPTIONS:
        raise _refused(f"more than {rules.MOST_EXCEPTIONS} are left out")
    changed = Calendar(rule.rule, rule.start, rule.zone, left_out)
    gone = await occurrences.drop_pending(session, kept.id, time)
    await announce.occurrences_dropped(session, gone)
    after = await series.change(session, kept, {"rule": changed})
    await announce.series_changed(session, "skip", kept, after)
    await standings.refresh(session, gone.values())
    return after


async def split(
    session: AsyncSession, kept: Series, etag: str, time: datetime, columns: Mapping[str, Any]
) -> Series:
    """Ends a series before a time of its rule; returns the one that goes on from there."""
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    before, after = _parts(kept, time)
    values = await _changed(session, kept, {"rule": after, **columns})
    now = await follow_ups.database_time(session)
    touched = await expansion.take_back(session, kept.id, now, since=time)
    on = kept.cursor if kept.cursor and kept.cursor.local < after.start else None
    ended = {"rule": before, "cursor": on, "due_time": kept.due_time if on else None}
    old = await series.change(session, kept, ended)
    await announce.series_changed(session, "split", kept, old)
    rule = values["rule"]
    # A new rule may begin earlier; the days before the split stay the old one's.
    sent = {"message": kept.message, **values}
    since = max(now, _since(sent, time, recurrence.today(time, rule.zone)))
    copied = {name: getattr(kept, name) for name in _COPIED}
    made = {
        **copied,
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        "previous_series_id": kept.id,
        "create_time": now,
        "update_time": now,
        **values,
        **rules.begun(rule, now, since),
    }
    new = await series.add(session, made)
    await occurrences.hand_over(session, kept.id, new.id, time)
    await announce.series_changed(session, "create", None, new)
    await notifying.put_on(session, new, kept.assignee_ids)
    return await _planned(session, new, touched)


async def forget(session: AsyncSession, contact_id: UUID) -> None:
    """Takes a contact that is deleted out of every series."""
    for now in await series.drop_contact(session, contact_id):
        if not now.contact_ids:
            now = await series.unname(session, now)
            await forgotten.remember(session, contact_id, "series", [now.id])
        await announce.series_changed(session, "update", None, now)


_COPIED = (
    "title",
    "type",
    "contact_ids",
    "segment_id",
    "message",
    "assignee_ids",
    "duration",
    "description",
    "category",
    "team_id",
    "reminders",
    "paused",
    "creator_id",
)


def _parts(kept: Series, time: datetime) -> tuple[Calendar, Calendar]:
    rule = kept.calendar()
    found = recurrence.locals_at(rule, time)
    if not found:
        raise _refused("not a time of the series")
    parts = recurrence.split(rule, found[0][0])
    if parts is None:
        raise _refused("the first time; change the whole series instead")
    return parts


def _refused(why: str) -> InvalidArgument:
    violations = [FieldViolation("recurrence_time", why)]
    return InvalidArgument("FIELDS_INVALID", "the time cannot be accepted", violations=violations)


async def _changed(
    session: AsyncSession, kept: Series, columns: Mapping[str, Any]
) -> dict[str, Any]:
    values, problems = dict(columns), Problems()
    series_fields.with_audience(values, kept, problems)
    problems.raise_if_any()
    if "contact_ids" in values:
        await _still_there(session, values["contact_ids"])
    if "assignee_ids" in values and not values["assignee_ids"]:
        values["assignee_ids"] = list(kept.assignee_ids)
    return values


def _since(columns: Mapping[str, Any], at: datetime, day: datetime) -> datetime:
    """From when on it plans: people may do what was earlier that day, a message would be late."""
    return day if columns.get("message") is None else at


async def _replanned(
    session: AsyncSession, action: str, kept: Series, values: Mapping[str, Any], now: datetime
) -> Series:
    touched = await expansion.take_back(session, kept.id, now)
    after = await series.change(session, kept, values)
    await announce.series_changed(session, action, kept, after)
    await notifying.put_on(session, after, kept.assignee_ids)
    return await _planned(session, after, touched)


async def _planned(
    session: AsyncSession, now: Series, touched: Iterable[UUID | None] = ()
) -> Series:
    """Plans at once, so that people see it; what is much the workers go on with."""
    if now.paused or now.due_time is None:
        await standings.refresh(session, set(touched))
        return now
    await expansion.expand(session, [now], touched)
    return existing(await series.get(session, now.id), RESOURCE, now.id)


async def _still_there(session: AsyncSession, contact_ids: list[UUID]) -> None:
    await contacts.lock_against_deletion(session)
    for gone in await contacts.deleted_among(session, contact_ids):
        raise missing("contact", gone)
