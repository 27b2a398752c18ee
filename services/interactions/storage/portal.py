"""Queries of what customers take along of themselves."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, not_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.follow_ups import PENDING, FollowUp, Type
from services.interactions.storage.follow_ups import of_values
from services.interactions.storage.tables import deliveries, follow_ups, interactions

Place = tuple[datetime, UUID]


class Logged(NamedTuple):
    """A call, visit, letter or web contact, without what a colleague wrote of it."""

    id: UUID
    kind: str
    direction: str
    start_time: datetime
    seconds: int


class Sent(NamedTuple):
    """The message of a follow-up to a contact."""

    follow_up_id: UUID
    channel: str
    due_time: datetime
    state: str


async def appointments(
    session: AsyncSession, contact_id: UUID, size: int, after: Place | None, *, past: bool
) -> Sequence[FollowUp]:
    """Returns up to `size` that a contact sees (`FollowUp.is_for_customer`), from after a place.

    Those to come are planned and not over, by start; the others come newest first.
    """
    c = follow_ups.c
    agreed = and_(c.type == Type.CALL, c.series_id.is_(None), c.batch_id.is_(None))
    query = select(follow_ups).where(c.contact_id == contact_id)
    query = query.where(or_(c.type == Type.MEETING, agreed)).limit(size)
    to_come = and_(c.status.in_(PENDING), c.end_time > func.now())
    query = query.where(not_(to_come) if past else to_come)
    place = tuple_(c.start_time, c.id)
    if after is not None:
        query = query.where(place < after if past else place > after)
    by = (c.start_time.desc(), c.id.desc()) if past else (c.start_time, c.id)
    found = await session.execute(query.order_by(*by))
    return [of_values({str(name): it for name, it in row._mapping.items()}) for row in found]


async def logged(
    session: AsyncSession, contact_id: UUID, size: int, before: Place | None
) -> Sequence[Logged]:
    """Returns up to `size` of a contact, newest first, from before the given place."""
    c = interactions.c
    query = select(c.id, c.kind, c.direction, c.start_time, c.duration)
    query = query.where(c.contact_id == contact_id).limit(size)
    if before is not None:
        query = query.where(tuple_(c.start_time, c.id) < before)
    found = await session.execute(query.order_by(c.start_time.desc(), c.id.desc()))
    return [Logged(*it[:4], int(it.duration.total_seconds())) for it in found]


async def sent(
    session: AsyncSession, contact_id: UUID, size: int, before: Place | None
) -> Sequence[Sent]:
    """Returns up to `size` to a contact, newest first, from before the given place."""
    c = deliveries.c
    joined = deliveries.join(follow_ups, follow_ups.c.id == c.follow_up_id)
    query = select(c.follow_up_id, follow_ups.c.type, c.due_time, c.state).select_from(joined)
    query = query.where(c.contact_id == contact_id).limit(size)
    if before is not None:
        query = query.where(tuple_(c.due_time, c.follow_up_id) < before)
    found = await session.execute(query.order_by(c.due_time.desc(), c.follow_up_id.desc()))
    return [Sent(*it) for it in found]
