"""Follow-ups: planning, changing, closing."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain import follow_ups as rules
from services.interactions.domain.deliveries import planned
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import FollowUp, Status
from services.interactions.storage import contacts, follow_ups, occurrences, standings
from services.interactions.storage import deliveries as many
from services.interactions.usecases import announce, deliveries, notifying, reminding, story
from services.interactions.usecases.found import existing, forbidden, missing, unchanged

RESOURCE = "follow_up"


async def create(session: AsyncSession, caller: Scope, columns: Mapping[str, Any]) -> FollowUp:
    """Plans a follow-up whose columns were checked; it is the creator's where nobody is named.

    Raises `NotFound` if the contact was deleted meanwhile.
    """
    contact_ids = rules.contacts_in(columns)
    await story.still_there(session, *contact_ids)
    now = await follow_ups.database_time(session)
    alone = [caller.user_id] if caller.user_id is not None else []
    values = {
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        "outcome": "",
        "creator_id": caller.subject,
        "create_time": now,
        "update_time": now,
        **_kept(columns),
        "assignee_ids": columns["assignee_ids"] or alone,
        "team_id": columns["team_id"] or caller.team_id,
        "status": rules.status_at(columns["start_time"], now),
    }
    if columns.get("message") is not None:
        values["progress"] = planned(len(contact_ids))
    made = await follow_ups.add(session, values)
    await deliveries.plan(session, made, contact_ids)
    await announce.follow_up_created(session, made)
    await notifying.assigned(session, made)
    await reminding.plan(session, made)
    await standings.refresh(session, [made.contact_id])
    return made


async def get(session: AsyncSession, readable: Scope, follow_up_id: UUID) -> FollowUp:
    """Returns one within reach; raises `NotFound`."""
    kept = existing(await follow_ups.get(session, follow_up_id), RESOURCE, follow_up_id)
    if not kept.within(readable):
        raise missing(RESOURCE, follow_up_id)
    return kept


async def update(
    session: AsyncSession, kept: FollowUp, etag: str, columns: Mapping[str, Any]
) -> FollowUp:
    """Changes the given columns; one moved to the future waits for its time again."""
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    kept.must_be_pending("changed")
    changed, problems = dict(columns), Problems()
    rules.with_end(changed, kept, problems)
    rules.with_audience(changed, kept, problems)
    problems.raise_if_any()
    if not changed:
        return kept
    contact_ids = await _contacts_after(session, kept, changed)
    if "assignee_ids" in changed and not changed["assignee_ids"]:
        changed["assignee_ids"] = list(kept.assignee_ids)
    now = await follow_ups.database_time(session)
    start = changed.get("start_time", kept.start_time)
    changed["status"] = rules.status_at(start, now)
    after = await _sent_after(session, kept, changed, contact_ids)
    await announce.follow_up_changed(session, "update", kept, after)
    await notifying.assigned(session, after, kept.assignee_ids)
    await reminding.plan(session, after, kept)
    await standings.refresh(session, [kept.contact_id, after.contact_id])
    return after


async def close(
    session: AsyncSession, kept: FollowUp, etag: str, to: Status, outcome: str
) -> FollowUp:
    """Completes or cancels; the same once more changes nothing."""
    if kept.status is to and kept.outcome == outcome:
        return kept
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    kept.must_be_pending(to)
    now = await follow_ups.database_time(session)
    values = {"status": to, "outcome": outcome, "close_time": now}
    await follow_ups.change(session, kept, values)
    await deliveries.stop(session, kept)
    after = existing(await follow_ups.get(session, kept.id), RESOURCE, kept.id)
    await reminding.plan(session, after, kept)
    action = "complete" if to is Status.COMPLETED else "cancel"
    await announce.follow_up_changed(session, action, kept, after)
    await standings.refresh(session, [kept.contact_id])
    return after


async def plan_next(
    session: AsyncSession, caller: Scope, kept: FollowUp, etag: str, columns: Mapping[str, Any]
) -> FollowUp:
    """Plans the next step of one that is about to be completed, with the same contact.

    Raises `FailedPrecondition` for one that is closed already: its next step was planned then.
    """
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    kept.must_be_pending(Status.COMPLETED)
    if kept.contact_id is None:
        problems = Problems()
        problems.add("next", "needs a follow-up with one contact")
        problems.raise_if_any()
    return await create(session, caller, {**columns, "contact_id": kept.contact_id})


async def _contacts_after(
    session: AsyncSession, kept: FollowUp, changed: Mapping[str, Any]
) -> list[UUID] | None:
    """The contacts of one whose contacts change, all there; None where they stay.

    Raises `InvalidArgument` for a contact who has another of the same batch or occurrence.
    """
    if not changed.keys() & {"contact_id", "segment_id"}:
        return None
    contact_ids = rules.contacts_in(changed)
    await story.still_there(session, *contact_ids)
    if await follow_ups.has_twin(session, kept, changed.get("contact_id")):
        problems = Problems()
        problems.add("follow_up.contact_ids", "the contact has another of these")
        problems.raise_if_any()
    return contact_ids


async def _sent_after(
    session: AsyncSession,
    kept: FollowUp,
    changed: dict[str, Any],
    contact_ids: list[UUID] | None,
) -> FollowUp:
    """Changes a follow-up and what is planned of its message; raises where it is being sent."""
    message = changed.get("message", kept.message)
    is_planned = kept.message is not None or message is not None
    others = contact_ids is not None or (kept.message is None) is not (message is None)
    if is_planned and others:
        if contact_ids is None:
            contact_ids = await _contacts_of(session, kept)
        changed["progress"] = planned(len(contact_ids)) if message is not None else None
    after = await follow_ups.change(session, kept, _kept(changed))
    if is_planned and others:
        await deliveries.replan(session, after, contact_ids or ())
    elif is_planned and changed.keys() & {"message", "start_time", "type"}:
        await deliveries.move(session, after, after.start_time)
    return after


async def _contacts_of(session: AsyncSession, kept: FollowUp) -> list[UUID]:
    if kept.contact_id is not None:
        return [kept.contact_id]
    found = await many.contacts_of(session, [kept.id], rules.MOST_CONTACTS)
    return found.get(kept.id, [])


def _kept(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of the follow-up's own row."""
    return {name: value for name, value in columns.items() if name != "contact_ids"}


async def delete(session: AsyncSession, kept: FollowUp, etag: str) -> None:
    """Deletes one; its series does not plan it again."""
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    if kept.series_id and kept.recurrence_time:
        await occurrences.skip(session, kept.series_id, kept.recurrence_time, kept.contact_id)
    await follow_ups.drop(session, kept.id)
    await notifying.forget(session, [kept])
    await announce.follow_up_deleted(session, kept)
    await standings.refresh(session, [kept.contact_id])


async def locked(
    session: AsyncSession, readable: Scope, allowed: Scope, follow_up_id: UUID, action: str
) -> FollowUp:
    """Returns one, locked, that the caller may see and do something to.

    What is to be deleted is noted by its series, held before it as whoever changes a series does.
    Raises `NotFound` when it is beyond what the caller may see, `PermissionDenied` beyond that.
    """
    # First, as whoever deletes a contact does, or the two could wait for each other.
    await contacts.lock_against_deletion(session)
    if action == "delete":
        await occurrences.hold_series(session, follow_up_id)
    found = await follow_ups.get(session, follow_up_id, lock=True)
    kept = existing(found, RESOURCE, follow_up_id)
    if kept.within(allowed):
        return kept
    raise forbidden("follow_ups", action) if kept.within(readable) else missing(RESOURCE, kept.id)


async def open_due(session: AsyncSession, limit: int) -> Sequence[FollowUp]:
    """Opens those whose time has come; what is next of their contacts stays the same."""
    opened = await follow_ups.open_due(session, limit)
    await announce.follow_ups_opened(session, opened)
    return opened
