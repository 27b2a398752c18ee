"""Queries of notifications.

A reader sees those whose source is there and within reach now: nothing has to be taken back when
rights, owners or assignees change.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays, scopes
from services.interactions.domain.notifications import (
    ABOUT_FOLLOW_UPS,
    ABOUT_PROPOSALS,
    KEPT,
    MOST_COUNTED,
    READ_KEPT,
    Kind,
    Notification,
    Reader,
    Told,
)
from services.interactions.domain.proposals.events import ANSWERS
from services.interactions.storage import owned
from services.interactions.storage.proposal_tables import events, proposals
from services.interactions.storage.tables import (
    contacts,
    follow_ups,
    notes,
    notifications,
    requests,
    series,
)
from services.interactions.storage.tables import follow_up_batches as batches

_LONGEST = 200


async def add(session: AsyncSession, told: Sequence[Told]) -> None:
    """Stores what people are to be told; what they were told before is left as it is."""
    if told:
        await session.execute(_insert(told).on_conflict_do_nothing())


async def count_up(session: AsyncSession, told: Sequence[Told]) -> None:
    """As `add`; of what they were told before the count grows."""
    if told:
        query, key = _insert(told), ("source_id", "user_id", "kind", "occasion")
        grown = {"count": notifications.c.count + query.excluded.count}
        await session.execute(query.on_conflict_do_update(index_elements=key, set_=grown))


def _insert(told: Sequence[Told]) -> Insert:
    rows = [
        {
            "id": uuid_utils.compat.uuid7(),
            "user_id": it.user_id,
            "kind": it.kind,
            "source_id": it.source_id,
            "occasion": it.occasion,
            "actor_id": it.actor_id,
            "count": it.count,
        }
        # In one order, so that two who tell of the same never wait for each other.
        for it in sorted(told, key=lambda it: (it.source_id, it.user_id))
    ]
    return insert(notifications).values(rows)


async def page(
    session: AsyncSession,
    reader: Reader,
    size: int,
    before: UUID | None = None,
    *,
    unread_only: bool,
    since: UUID | None = None,
) -> Sequence[Notification]:
    """Returns up to `size` that the reader sees, newest first, from before and after these."""
    query = select(*_COLUMNS).select_from(_SOURCES).where(*_seen(reader))
    if unread_only:
        query = query.where(notifications.c.read_time.is_(None))
    if before is not None:
        query = query.where(notifications.c.id < before)
    if since is not None:
        query = query.where(notifications.c.id > since)
    query = query.order_by(notifications.c.id.desc()).limit(size)
    return [_notification(row) for row in await session.execute(query)]


async def get(session: AsyncSession, reader: Reader, notification_id: UUID) -> Notification | None:
    """Returns one that the reader sees; locks nothing."""
    query = select(*_COLUMNS).select_from(_SOURCES)
    query = query.where(*_seen(reader), notifications.c.id == notification_id)
    row = (await session.execute(query)).first()
    return _notification(row) if row else None


async def count_unread(session: AsyncSession, reader: Reader) -> int:
    """Returns how many the reader sees and has not read, at most one more than are counted."""
    unread = (
        select(notifications.c.id)
        .select_from(_SOURCES)
        .where(*_seen(reader), notifications.c.read_time.is_(None))
        .limit(MOST_COUNTED + 1)
    )
    counted: int = (
        await session.execute(select(func.count()).select_from(unread.subquery()))
    ).scalar_one()
    return counted


async def mark_read(
    session: AsyncSession, reader: Reader, *, one: UUID | None = None, until: UUID | None = None
) -> int:
    """Marks what the reader sees as read: all, `one`, or up to one; returns how many were not."""
    seen = select(notifications.c.id).select_from(_SOURCES).where(*_seen(reader))
    seen = seen.where(notifications.c.read_time.is_(None))
    if one is not None:
        seen = seen.where(notifications.c.id == one)
    if until is not None:
        seen = seen.where(notifications.c.id <= until)
    query = (
        update(notifications)
        .where(notifications.c.user_id == reader.user_id)
        .where(notifications.c.id.in_(seen.correlate(None)))
        .where(notifications.c.read_time.is_(None))
        .values(read_time=func.now())
        .returning(notifications.c.id)
    )
    return len((await session.execute(query)).all())


async def drop_of(session: AsyncSession, source_ids: Collection[UUID]) -> None:
    """Deletes what was told of notes, follow-ups and series that are gone."""
    if source_ids:
        await session.execute(_DROP, {"ids": arrays.uuids(source_ids)})


async def drop_of_proposal(session: AsyncSession, proposal_id: UUID) -> None:
    """Deletes what was told of a proposal."""
    happened = select(events.c.id).where(events.c.proposal_id == proposal_id)
    query = delete(notifications).where(notifications.c.source_id.in_(happened))
    await session.execute(query)


async def prune(session: AsyncSession, limit: int) -> int:
    """Deletes up to `limit` that were read or told long ago, oldest first; returns how many."""
    given = {"read_kept": READ_KEPT, "kept": KEPT, "limit": limit}
    return (await session.execute(_PRUNE, given)).rowcount  # type: ignore[attr-defined, no-any-return]


def _seen(reader: Reader) -> list[ColumnElement[bool]]:
    return [
        notifications.c.user_id == reader.user_id,
        or_(
            and_(contacts.c.id.is_not(None), owned.contacts(reader.contacts)),
            and_(follow_ups.c.id.is_not(None), owned.follow_ups(reader.follow_ups)),
            and_(proposals.c.id.is_not(None), owned.proposals(reader.proposals)),
            and_(batches.c.id.is_not(None), _sees_some(reader)),
            and_(series.c.id.is_not(None), owned.rows(reader.follow_ups, series)),
            and_(requests.c.id.is_not(None), owned.rows(reader.requests, requests)),
            and_(notifications.c.kind == Kind.HANDED_OVER, scopes.anything(reader.follow_ups)),
        ),
    ]


def _sees_some(reader: Reader) -> ColumnElement[bool]:
    """Whether some follow-up of the batch is within reach; the batch itself need not be."""
    query = select(_MADE.c.id).where(_MADE.c.batch_id == batches.c.id)
    return query.where(owned.rows(reader.follow_ups, _MADE)).correlate(batches).exists()


def _sources() -> FromClause:
    n, kind = notifications, notifications.c.kind
    its_note = and_(kind == Kind.MENTIONED, notes.c.id == n.c.source_id)
    its_follow_up = and_(kind.in_(ABOUT_FOLLOW_UPS), follow_ups.c.id == n.c.source_id)
    its_event = and_(kind.in_(ABOUT_PROPOSALS), events.c.id == n.c.source_id)
    its_batch = and_(kind == Kind.BATCH_ASSIGNED, batches.c.id == n.c.source_id)
    its_series = and_(kind == Kind.SERIES_ASSIGNED, series.c.id == n.c.source_id)
    its_request = and_(kind == Kind.REQUEST, requests.c.id == n.c.source_id)
    its_contact = and_(contacts.c.id == notes.c.contact_id, ~contacts.c.deleted)
    return (
        n.outerjoin(notes, its_note)
        .outerjoin(contacts, its_contact)
        .outerjoin(follow_ups, its_follow_up)
        .outerjoin(events, its_event)
        .outerjoin(proposals, proposals.c.id == events.c.proposal_id)
        .outerjoin(batches, its_batch)
        .outerjoin(series, its_series)
        .outerjoin(requests, its_request)
    )


def _notification(row: Row[Any]) -> Notification:
    values: dict[str, Any] = {str(name): value for name, value in row._mapping.items()}
    return Notification(**{**values, "kind": Kind(values["kind"])})


_SOURCES = _sources()
# An alias of a wide table takes longer to make than its query to answer.
_MADE = follow_ups.alias("made")
# Of what befell an e-mail the text is a code.
_ANSWER = case((events.c.kind.in_(ANSWERS), events.c.text))
_COLUMNS: tuple[ColumnElement[Any], ...] = (
    notifications.c.id,
    notifications.c.kind,
    notifications.c.actor_id,
    func.coalesce(
        notes.c.contact_id, follow_ups.c.contact_id, proposals.c.contact_id, requests.c.contact_id
    ).label("contact_id"),
    notes.c.id.label("note_id"),
    follow_ups.c.id.label("follow_up_id"),
    proposals.c.id.label("proposal_id"),
    batches.c.id.label("batch_id"),
    series.c.id.label("series_id"),
    requests.c.id.label("request_id"),
    notifications.c.count.label("follow_up_count"),
    func.coalesce(
        *(it.c.title for it in (follow_ups, proposals, batches, series)), requests.c.subject, ""
    ).label("title"),
    func.left(func.coalesce(notes.c.text, _ANSWER, ""), _LONGEST).label("text"),
    func.coalesce(events.c.kind, requests.c.kind, "").label("event"),
    follow_ups.c.start_time,
    notifications.c.create_time,
    notifications.c.read_time,
)
_DROP = text("DELETE FROM notifications WHERE source_id = ANY(CAST(:ids AS uuid[]))")
# Who reads one right now is passed over.
_PRUNE = text("""
    DELETE FROM notifications n
    WHERE n.ctid = ANY(ARRAY(
        SELECT ctid FROM notifications
        WHERE create_time < now() - CAST(:read_kept AS interval)
          AND (read_time < now() - CAST(:read_kept AS interval)
               OR create_time < now() - CAST(:kept AS interval))
        ORDER BY create_time
        LIMIT :limit
        FOR UPDATE SKIP LOCKED))
""")
