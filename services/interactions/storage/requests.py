"""Queries of customers' requests and the replies to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Row, delete, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from chassis.scope import Scope
from services.interactions.domain.notifications import Kind as NotificationKind
from services.interactions.domain.requests import Kind, Reply, Request, State
from services.interactions.storage import owned
from services.interactions.storage.tables import notifications, request_replies, requests


@dataclass(frozen=True)
class Filter:
    """Which requests to list; None and empty mean any."""

    contact_id: UUID | None = None
    assignee_id: UUID | None = None
    states: Sequence[State] = ()
    kinds: Sequence[Kind] = ()


async def one_at_a_time(session: AsyncSession, contact_id: UUID) -> None:
    """Lets nobody else ask for this contact until the transaction ends."""
    await session.execute(_LOCK, {"contact_id": contact_id.hex})


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Request:
    """Stores a new request."""
    query = insert(requests).values(values).returning(requests)
    return _request((await session.execute(query)).one())


async def get(
    session: AsyncSession, request_id: UUID, *, of: UUID | None = None, lock: bool = False
) -> Request | None:
    """Returns one, of a contact if one is named; `lock` keeps others from changing it."""
    query = select(requests).where(requests.c.id == request_id)
    if of is not None:
        query = query.where(requests.c.contact_id == of)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return _request(row) if row else None


async def change(session: AsyncSession, kept: Request, values: Mapping[str, Any]) -> Request:
    """Sets columns and raises the revision of one that was locked before."""
    raised = {"revision": requests.c.revision + 1, "update_time": func.now()}
    query = update(requests).where(requests.c.id == kept.id).values({**values, **raised})
    return _request((await session.execute(query.returning(requests))).one())


async def page(
    session: AsyncSession,
    wanted: Filter,
    scope: Scope,
    size: int,
    before: tuple[datetime, UUID] | None,
) -> Sequence[Request]:
    """Returns up to `size` within reach, newest first, from before the given place."""
    c = requests.c
    query = select(requests).where(owned.rows(scope, requests)).limit(size)
    if wanted.contact_id is not None:
        query = query.where(c.contact_id == wanted.contact_id)
    if wanted.assignee_id is not None:
        query = query.where(c.assignee_ids.contains(array([wanted.assignee_id], type_=Uuid)))
    if wanted.states:
        query = query.where(c.state.in_(wanted.states))
    if wanted.kinds:
        query = query.where(c.kind.in_(wanted.kinds))
    if before is not None:
        query = query.where(tuple_(c.create_time, c.id) < before)
    query = query.order_by(c.create_time.desc(), c.id.desc())
    return [_request(row) for row in await session.execute(query)]


async def count_open(session: AsyncSession, contact_id: UUID) -> int:
    """Returns how many of a contact wait for an answer, which is bounded."""
    query = select(func.count()).where(_WAITS, requests.c.contact_id == contact_id)
    query = query.where(requests.c.state == State.OPEN)
    counted: int = (await session.execute(query)).scalar_one()
    return counted


async def waiting(
    session: AsyncSession, contact_id: UUID, kind: Kind, follow_up_id: UUID | None = None
) -> Request | None:
    """Returns and locks the one of a kind, and about an appointment, that is not closed."""
    c = requests.c
    query = select(requests).where(_WAITS, c.contact_id == contact_id, c.kind == kind)
    query = query.where(c.follow_up_id.is_not_distinct_from(follow_up_id)).limit(1)
    row = (await session.execute(query.with_for_update())).first()
    return _request(row) if row else None


async def waiting_about(
    session: AsyncSession, contact_id: UUID, follow_up_ids: Sequence[UUID]
) -> dict[UUID, UUID]:
    """Returns by follow-up which request of the contact for another time is not closed."""
    c = requests.c
    query = select(c.follow_up_id, c.id).where(_WAITS, c.contact_id == contact_id)
    found = await session.execute(query.where(c.follow_up_id.in_(follow_up_ids)))
    return {it.follow_up_id: it.id for it in found}


async def say(session: AsyncSession, kept: Request, author_id: str, words: str) -> None:
    """Adds a reply."""
    values = {
        "id": uuid_utils.compat.uuid7(),
        "request_id": kept.id,
        "text": words,
        "author_id": author_id,
    }
    await session.execute(insert(request_replies).values(values))


async def count_replies(session: AsyncSession, request_id: UUID) -> int:
    """Returns how many there are, which is bounded."""
    query = select(func.count()).where(request_replies.c.request_id == request_id)
    counted: int = (await session.execute(query)).scalar_one()
    return counted


async def replies(session: AsyncSession, request_id: UUID) -> Sequence[Reply]:
    """Returns all of a request, oldest first."""
    c = request_replies.c
    query = select(request_replies).where(c.request_id == request_id)
    found = await session.execute(query.order_by(c.create_time, c.id))
    return [Reply(**row._mapping) for row in found]


async def untold(session: AsyncSession, limit: int) -> Sequence[Request]:
    """Returns up to `limit` that wait for an answer of nobody in particular, and nobody knows it.

    Oldest first; a customer's reply makes one unknown again.
    """
    c, n = requests.c, notifications.c
    known = select(n.id).where(
        n.source_id == c.id, n.kind == NotificationKind.REQUEST, n.occasion == c.revision
    )
    query = select(requests).where(_WAITS, c.state == State.OPEN)
    query = query.where(func.cardinality(c.assignee_ids) == 0, ~known.exists())
    return [_request(row) for row in await session.execute(query.order_by(c.id).limit(limit))]


async def oldest_erasure_seconds(session: AsyncSession) -> float:
    """Returns how long the oldest request for erasure waits that is not closed; 0 for none."""
    c = requests.c
    age = func.extract("epoch", func.now() - func.min(c.create_time))
    query = select(age).where(_WAITS, c.kind == Kind.ERASURE)
    return float((await session.execute(query)).scalar_one() or 0.0)


async def drop_of_contact(session: AsyncSession, contact_id: UUID) -> Sequence[Request]:
    """Deletes all of a contact with their replies, and returns them."""
    query = delete(requests).where(requests.c.contact_id == contact_id).returning(requests)
    return [_request(row) for row in await session.execute(query)]


def of_values(values: Mapping[str, Any]) -> Request:
    """Returns a request of its columns."""
    made = {"kind": Kind(values["kind"]), "state": State(values["state"])}
    return Request(**{**values, **made, "assignee_ids": tuple(values["assignee_ids"])})


def _request(row: Row[Any]) -> Request:
    return of_values({str(name): value for name, value in row._mapping.items()})


# Word for word as in the index.
_WAITS = text("requests.state <> 'closed'")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('requests'), hashtext(:contact_id))")
