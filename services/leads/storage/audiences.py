"""Audiences: frozen by one statement, streamed by ordinal, sampled without freezing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    any_,
    bindparam,
    delete,
    distinct,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text, Uuid

from chassis.scope import Scope
from services.leads.domain.audience import Audience, Division, Member, Query, View
from services.leads.domain.segment import Group
from services.leads.storage import audience_views as views
from services.leads.storage import conditions, owned
from services.leads.storage.tables import audience_members, audiences, consent_states, contacts

_SAMPLE_MORE = 3

# People of an audience in one row.
TOGETHER = 1_000


def asked(
    query: Query, definitions: Mapping[UUID, Group], scope: Scope, now: datetime
) -> ColumnElement[bool]:
    """Return a query as a condition on contacts within reach; windows count back from `now`.

    `definitions` has the segments the query names.
    """
    parts = [conditions.compiled(definitions[it], now) for it in query.segment_ids]
    if query.definition is not None:
        parts.append(conditions.compiled(query.definition, now))
    if query.contact_ids:
        ids = bindparam("contact_ids", list(query.contact_ids), postgresql.ARRAY(Uuid))
        parts.append(contacts.c.id == any_(ids))
    held = [owned.contacts(scope), true() if query.is_everybody else or_(*parts)]
    if query.kind is not None:
        held.append(contacts.c.kind == query.kind)
    held += [not_(conditions.compiled(definitions[it], now)) for it in query.excluded_segment_ids]
    return and_(*held)


async def get(session: AsyncSession, run_id: UUID) -> Audience | None:
    """Return what was frozen for a run; locks nothing."""
    row = (await session.execute(select(audiences).where(audiences.c.run_id == run_id))).first()
    return Audience(row.run_id, row.size, row.freeze_time) if row else None


async def claim(session: AsyncSession, run_id: UUID, now: datetime) -> bool:
    """Take the right to freeze for a run; False when it was frozen before.

    Waits for another transaction that is freezing for the same run.
    """
    new = postgresql.insert(audiences).values(run_id=run_id, size=0, freeze_time=now)
    claimed = await session.execute(new.on_conflict_do_nothing().returning(audiences.c.run_id))
    return claimed.first() is not None


async def freeze(session: AsyncSession, run_id: UUID, wanted: ColumnElement[bool]) -> int:
    """Write the members of a claimed audience by one statement; returns how many."""
    place = func.row_number().over(order_by=contacts.c.id) - 1
    placed = select(contacts.c.id, place.label("place")).where(wanted).subquery()
    after = placed.c.place - placed.c.place % TOGETHER
    ids = func.array_agg(postgresql.aggregate_order_by(placed.c.id, placed.c.place))
    frozen = await session.scalars(
        insert(audience_members)
        .from_select(
            ["run_id", "after_ordinal", "contact_ids"],
            select(literal(run_id, Uuid), after, ids).group_by(after),
        )
        .returning(func.cardinality(audience_members.c.contact_ids))
    )
    size: int = sum(frozen.all())
    await session.execute(update(audiences).where(audiences.c.run_id == run_id).values(size=size))
    return size


async def release(session: AsyncSession, run_id: UUID) -> None:
    """Forget an audience."""
    await session.execute(delete(audience_members).where(audience_members.c.run_id == run_id))
    await session.execute(delete(audiences).where(audiences.c.run_id == run_id))


async def anybody(session: AsyncSession, wanted: ColumnElement[bool]) -> bool:
    """Return whether a query finds anybody; locks nothing."""
    return bool(await session.scalar(select(exists(select(contacts.c.id).where(wanted)))))


async def divide(
    session: AsyncSession, wanted: ColumnElement[bool], view: View, sample_size: int
) -> Division:
    """Return how the people of a query divide for a run, and some who would get it.

    Locks nothing; of one moment when the transaction is REPEATABLE READ.
    """
    people = contacts.outerjoin(consent_states, views.consent_of(view))
    key, consented = views.key(view.channel), views.consented(view)
    counts = select(
        func.count().label("size"),
        func.count().filter(key == "", not_(views.invalid(view.channel))).label("without_address"),
        func.count().filter(views.invalid(view.channel)).label("invalid_address"),
        func.count().filter(key != "", not_(consented)).label("without_consent"),
        func.count().filter(key != "", consented).label("allowed"),
        func.count(distinct(key)).filter(key != "", consented).label("reachable"),
    )
    found = (await session.execute(counts.select_from(people).where(wanted))).one()
    some = (
        select(contacts.c.id, views.consented(view), *views.addressed(view), _variables(view))
        .select_from(people)
        .where(wanted, key != "", consented)
        .order_by(contacts.c.id)
        .limit(sample_size * _SAMPLE_MORE)
    )
    shown = [_member(it) for it in await session.execute(some)]
    return Division(
        size=found.size,
        without_address=found.without_address,
        invalid_address=found.invalid_address,
        without_consent=found.without_consent,
        shared_address=found.allowed - found.reachable,
        reachable=found.reachable,
        sample=_first_of_each(shown, sample_size),
    )


def _first_of_each(members: Sequence[Member], size: int) -> list[Member]:
    once: dict[str, Member] = {}
    for it in members:
        once.setdefault(it.address_key, it)
    return list(once.values())[:size]


def _variables(view: View) -> ColumnElement[Any]:
    found: list[ColumnElement[Any]] = [views.variable(it) for it in view.variables]
    return postgresql.array(found, type_=Text)


def _member(it: Sequence[Any]) -> Member:
    contact_id, consented, address, key, zone, locale, region, values = it
    return Member(contact_id, address, key, consented, zone, locale, region, values)
