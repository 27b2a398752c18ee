"""Tells the world of a change: the event and the audit entry, in the change's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit, outbox
from services.interactions.domain import requests as asking
from services.interactions.domain.batches import Batch, Made
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.domain.interactions import Interaction
from services.interactions.domain.notes import Note
from services.interactions.domain.requests import Request
from services.interactions.domain.series import Planned, Series
from services.interactions.messages import batches, follow_ups, interactions, notes, requests
from services.interactions.messages import series as series_messages
from services.interactions.storage.reassigning import Count

_MANY = 500
_SHOWN = (
    "title",
    "type",
    "status",
    "contact_id",
    "contact_count",
    "segment_id",
    "message",
    "assignee_ids",
    "start_time",
    "end_time",
    "time_zone",
    "description",
    "outcome",
    "category",
    "team_id",
    "reminders",
)


async def follow_up_created(session: AsyncSession, now: FollowUp) -> None:
    """Announces a new follow-up."""
    event = follow_ups.created(now)
    await outbox.add(session, event, to=outbox.Class.FACTS, key=str(now.id), revision=now.revision)
    await _follow_up(session, "create", now, after=_values(now))


async def follow_up_changed(
    session: AsyncSession, action: str, before: FollowUp, now: FollowUp
) -> None:
    """Announces a changed follow-up; of its values only those that differ are noted."""
    event = follow_ups.updated(now)
    await outbox.add(session, event, to=outbox.Class.FACTS, key=str(now.id), revision=now.revision)
    then, after = _values(before), _values(now)
    changed = {name for name in after if then[name] != after[name]}
    await _follow_up(
        session,
        action,
        now,
        before={name: then[name] for name in changed} or None,
        after={name: after[name] for name in changed},
    )


async def follow_ups_closed(session: AsyncSession, now: Sequence[FollowUp]) -> None:
    """Announces follow-ups that no one closed one by one: their deliveries or batch say how."""
    await _changed(session, now)


async def follow_ups_opened(session: AsyncSession, now: Sequence[FollowUp]) -> None:
    """Announces follow-ups whose time has come."""
    await _changed(session, now)
    deeds = [
        audit.Deed("follow_up.open", "follow_up", str(it.id), after={"status": it.status})
        for it in now
    ]
    await audit.record_many(session, deeds)


async def follow_up_deleted(session: AsyncSession, gone: FollowUp) -> None:
    """Announces a deleted follow-up."""
    event = follow_ups.deleted(gone)
    revision = gone.revision + 1
    await outbox.add(session, event, to=outbox.Class.FACTS, key=str(gone.id), revision=revision)
    await _follow_up(session, "delete", gone, before=_values(gone))


async def series_changed(
    session: AsyncSession, action: str, before: Series | None, now: Series | None
) -> None:
    """Notes who made, changed or deleted a series; events tell of what it plans."""
    then, after = (series_messages.values(it) if it else {} for it in (before, now))
    changed = [name for name in {**then, **after} if then.get(name) != after.get(name)]
    kept = now or before
    await audit.record(
        session,
        action=f"series.{action}",
        subject_type="series",
        subject_id=str(kept.id if kept else ""),
        before={name: then[name] for name in changed if name in then} or None,
        after={name: after[name] for name in changed if name in after} or None,
    )


async def occurrences_planned(session: AsyncSession, new: Sequence[Planned]) -> None:
    """Announces follow-ups that series planned, some hundred at once."""
    events = [series_messages.planned(new[at : at + _MANY]) for at in range(0, len(new), _MANY)]
    await outbox.add_many(session, [(it, "", 0) for it in events], to=outbox.Class.FACTS)


async def batch_changed(session: AsyncSession, action: str, now: Batch) -> None:
    """Notes who began, cancelled or took back a batch; events tell of what it makes."""
    await audit.record(
        session,
        action=f"follow_up_batch.{action}",
        subject_type="follow_up_batch",
        subject_id=str(now.id),
        after=batches.values(now),
    )


async def batch_planned(session: AsyncSession, of: Batch, made: Sequence[Made]) -> None:
    """Announces follow-ups that a batch made, some hundred at once."""
    events = [batches.planned(of, made[at : at + _MANY]) for at in range(0, len(made), _MANY)]
    await outbox.add_many(session, [(it, "", 0) for it in events], to=outbox.Class.FACTS)


async def reassigned(
    session: AsyncSession, leaver: UUID, taker: UUID, count: Count, now: Sequence[FollowUp]
) -> None:
    """Announces follow-ups that others do now; one audit entry says who gave how many."""
    await _changed(session, now)
    await audit.record(
        session,
        action="follow_up.reassign",
        subject_type="user",
        subject_id=str(leaver),
        after={"to": str(taker), **count._asdict()},
    )


async def occurrences_dropped(session: AsyncSession, dropped: Iterable[UUID]) -> None:
    """Announces follow-ups that were taken back, some hundred at once."""
    gone = list(dropped)
    events = [series_messages.dropped(gone[at : at + _MANY]) for at in range(0, len(gone), _MANY)]
    await outbox.add_many(session, [(it, "", 0) for it in events], to=outbox.Class.FACTS)


async def note_added(session: AsyncSession, now: Note) -> None:
    """Announces a new note."""
    event = notes.added(now)
    await outbox.add(session, event, to=outbox.Class.FACTS, key=str(now.id), revision=now.revision)
    await note_changed(session, "create", now, before=None, after=now)


async def note_changed(
    session: AsyncSession, action: str, kept: Note, *, before: Note | None, after: Note | None
) -> None:
    """Notes who changed or deleted a note; no event tells of it."""
    await audit.record(
        session,
        action=f"note.{action}",
        subject_type="note",
        subject_id=str(kept.id),
        before=_text(before) if before else None,
        after=_text(after) if after else None,
    )


async def interaction_logged(session: AsyncSession, now: Interaction) -> None:
    """Announces a logged interaction."""
    event = interactions.logged(now)
    await outbox.add(session, event, to=outbox.Class.FACTS, key=str(now.id), revision=now.revision)
    await _interaction(session, "create", now, after=_logged(now))


async def interaction_deleted(session: AsyncSession, gone: Interaction) -> None:
    """Notes who deleted a logged interaction; no event tells of it."""
    await _interaction(session, "delete", gone, before=_logged(gone))


async def request_created(session: AsyncSession, now: Request) -> None:
    """Announces what a customer asks."""
    event, key = requests.created(now), str(now.id)
    await outbox.add(session, event, to=outbox.Class.FACTS, key=key, revision=now.revision)
    said = {"subject": now.subject, "text": now.text}
    await _request(session, "create", now, after={**asking.shown(now), **said})


async def request_changed(
    session: AsyncSession, action: str, now: Request, words: str = ""
) -> None:
    """Announces an answer, a reply or the end of a request."""
    event, key = requests.updated(now), str(now.id)
    await outbox.add(session, event, to=outbox.Class.FACTS, key=key, revision=now.revision)
    said = {"text": words} if words else {}
    await _request(session, action, now, after={"state": now.state, **said})


async def request_deleted(session: AsyncSession, gone: Request) -> None:
    """Notes that a request went with its contact; no event tells of it."""
    await _request(session, "delete", gone, before=asking.shown(gone))


async def _request(
    session: AsyncSession,
    action: str,
    kept: Request,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    await audit.record(
        session,
        action=f"request.{action}",
        subject_type="request",
        subject_id=str(kept.id),
        before=before,
        after=after,
    )


async def _interaction(
    session: AsyncSession,
    action: str,
    kept: Interaction,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    await audit.record(
        session,
        action=f"interaction.{action}",
        subject_type="interaction",
        subject_id=str(kept.id),
        before=before,
        after=after,
    )


async def _changed(session: AsyncSession, now: Sequence[FollowUp]) -> None:
    events = [(follow_ups.updated(it), str(it.id), it.revision) for it in now]
    await outbox.add_many(session, events, to=outbox.Class.FACTS)


async def _follow_up(
    session: AsyncSession,
    action: str,
    kept: FollowUp,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    await audit.record(
        session,
        action=f"follow_up.{action}",
        subject_type="follow_up",
        subject_id=str(kept.id),
        before=before,
        after=after,
    )


def _values(kept: FollowUp) -> dict[str, object]:
    return {name: getattr(kept, name) for name in _SHOWN}


def _text(kept: Note) -> Mapping[str, object]:
    return {"contact_id": kept.contact_id, "text": kept.text}


def _logged(kept: Interaction) -> Mapping[str, object]:
    told = ("contact_id", "kind", "direction", "result", "start_time", "text")
    return {**{name: getattr(kept, name) for name in told}, "seconds": kept.duration.seconds}
