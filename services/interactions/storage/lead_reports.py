"""What was done with leads, counted by the conditions that the list has, so that both agree."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from chassis.scope import Scope
from services.interactions.domain.interactions import Direction, Kind, Result
from services.interactions.domain.lead_reports import Counted, Touch, Wanted
from services.interactions.domain.proposals.events import Happened
from services.interactions.storage import owned
from services.interactions.storage.proposal_tables import events, proposals
from services.interactions.storage.tables import contacts, deliveries, follow_ups, interactions

Place = tuple[datetime, UUID]

_OWNER: ColumnElement[UUID] = literal_column("contacts.owner_ids[1]", Uuid)
_REPLIES = (Happened.ACCEPTED, Happened.DECLINED, Happened.COMMENTED)
# Word for word as in the indexes: a condition with parameters is not known to be theirs.
_LEADS: ColumnElement[bool] = literal_column(
    "contacts.lead_time IS NOT NULL AND NOT contacts.deleted"
)
_MET: ColumnElement[bool] = literal_column(
    "follow_ups.status = 'completed' AND follow_ups.type IN ('call', 'meeting')"
)
_TAKEN: ColumnElement[bool] = literal_column("deliveries.state IN ('sent', 'delivered')")


async def counted(session: AsyncSession, wanted: Wanted, scope: Scope) -> list[Counted]:
    """Returns how many leads within reach each main owner has. Locks nothing."""
    deeds = union_all(*_deeds()).subquery("deeds")
    of = (
        select(deeds.c.contact_id, func.bool_or(deeds.c.answered).label("answered"))
        .group_by(deeds.c.contact_id)
        .subquery("of")
    )
    query = (
        select(
            _OWNER.label("owner_id"),
            func.count().label("leads"),
            func.count(of.c.contact_id).label("touched"),
            func.count().filter(of.c.answered).label("answered"),
        )
        .select_from(contacts.outerjoin(of, of.c.contact_id == contacts.c.id))
        .where(*_conditions(wanted, scope))
        .group_by(_OWNER)
    )
    return [Counted(*row) for row in await session.execute(query)]


async def page(
    session: AsyncSession, wanted: Wanted, scope: Scope, size: int, after: Place | None
) -> Sequence[Place]:
    """Returns up to `size` leads within reach and when they were created, newest first."""
    c = contacts.c
    query = select(c.lead_time, c.id).where(*_conditions(wanted, scope))
    if after is not None:
        query = query.where(tuple_(c.lead_time, c.id) < after)
    query = query.order_by(c.lead_time.desc(), c.id.desc()).limit(size)
    return [(row.lead_time, row.id) for row in await session.execute(query)]


def _conditions(wanted: Wanted, scope: Scope) -> list[ColumnElement[bool]]:
    found = [_LEADS, owned.contacts(scope)]
    if wanted.created_from is not None:
        found.append(contacts.c.lead_time >= wanted.created_from)
    if wanted.created_until is not None:
        found.append(contacts.c.lead_time < wanted.created_until)
    if wanted.owner_ids:
        people = [it for it in wanted.owner_ids if it is not None]
        nobody = [_OWNER.is_(None)] if None in wanted.owner_ids else []
        found.append(or_(_OWNER.in_(people), *nobody))
    match wanted.touch:
        case Touch.ANSWERED:
            found.append(_has_deed(answered=True))
        case Touch.TOUCHED:
            found.append(_has_deed())
        case Touch.UNTOUCHED:
            found.append(~_has_deed())
    return found


def _has_deed(*, answered: bool = False) -> ColumnElement[bool]:
    """Returns the condition that there is a deed, asked of the indexes for each lead.

    A page of leads is found in the order of the list and ends the search: to find the deeds of
    everybody first took 3 seconds with 700,000 deeds.
    """
    of = [
        it.where(it.selected_columns.contact_id == contacts.c.id).correlate(contacts)
        for it in _deeds()
    ]
    deeds = union_all(*of).subquery("deeds")
    return exists().where(deeds.c.answered if answered else true()).select_from(deeds)


def _deeds() -> Sequence[Select[tuple[UUID, bool]]]:
    """Returns whom something was done with, and whether the person answered, once for each deed.

    What a completed call came to is free text: that the person was reached is said by the log.
    """
    i = interactions.c
    reached = (i.result == Result.REACHED) & (i.kind != Kind.LETTER)
    return (
        select(i.contact_id, or_(i.direction == Direction.INBOUND, reached).label("answered")),
        select(follow_ups.c.contact_id, literal_column("follow_ups.type = 'meeting'"))
        .where(_MET)
        .where(follow_ups.c.contact_id.is_not(None)),
        select(deliveries.c.contact_id, literal_column("false")).where(_TAKEN),
        select(proposals.c.contact_id, events.c.kind.in_(_REPLIES))
        .join_from(proposals, events, events.c.proposal_id == proposals.c.id)
        .where(events.c.kind.in_((Happened.SENT, *_REPLIES)))
        .where(proposals.c.contact_id.is_not(None)),
    )
