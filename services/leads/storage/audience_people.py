"""The people of a frozen audience as they are now, packed by the database for whoever asked."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    Select,
    and_,
    bindparam,
    case,
    column,
    func,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, psycopg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from chassis import db
from chassis.scope import Scope
from services.leads.domain.audience import CONSENTED, GONE, INVALID, People, View
from services.leads.storage import audience_views as views
from services.leads.storage import owned
from services.leads.storage.audiences import TOGETHER
from services.leads.storage.tables import audience_members, consent_states, contacts

# Reading so many for each that is wanted costs as much as looking each up.
_CLOSE = 4


async def are_close(session: AsyncSession, size: int) -> bool:
    """Return whether an audience of so many is a good part of all, and so lies close by id."""
    everybody = await session.scalar(_EVERYBODY)
    return 0 <= (everybody or 0) <= size * _CLOSE


class Reader:
    """Reads the people of one audience as a view needs them.

    The statement is made once: to make it costs as much as to read some hundred people.
    """

    def __init__(self, run_id: UUID, view: View, scope: Scope, *, are_close: bool) -> None:
        """Those who `are_close` are read from the first to the last, with whoever lies between.

        That costs half of looking up each.
        """
        asked = and_(
            _m.run_id == run_id,
            _m.after_ordinal > _AFTER - TOGETHER,
            _m.after_ordinal < _AFTER + _LIMIT,
        )
        query = _packed(view, scope, _range(asked) if are_close else None)
        query = query.where(asked, _AFTER < _ORDINAL, _AFTER + _LIMIT >= _ORDINAL)
        made = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        self._statement, self._given = made.string, made.params
        self._are_close = are_close

    async def read(self, session: AsyncSession, after: int, limit: int) -> Sequence[People]:
        """Return up to `limit` people after an ordinal, in stretches by ordinal; none at the end.

        Reads no others: a LIMIT alone had the database join and sort all who follow, each time.
        The columns go to the peer as the database made them, since what this process had to take
        apart and pack again was what bounded planning.
        """
        if self._are_close:
            await session.execute(_BY_RANGE)
        given = self._given | {"after": after, "limit": limit}
        rows = await db.fetch(session, self._statement, given)
        return [People._make((*row[:_FIXED], row[_FIXED:])) for row in rows]


def _packed(
    view: View, scope: Scope, near: tuple[ColumnElement[UUID], ColumnElement[UUID]] | None
) -> Select[*tuple[Any, ...]]:
    """Return the query of People; `near` are the ids of the first and the last of them."""
    contact = and_(contacts.c.id == _frozen.c.contact_id, owned.contacts(scope))
    state = and_(
        consent_states.c.contact_id == _frozen.c.contact_id,
        consent_states.c.advertiser_id == view.advertiser_id,
    )
    if near is not None:
        contact = and_(contact, contacts.c.id.between(*near))
        state = and_(state, consent_states.c.contact_id.between(*near))
    texts = (*views.addressed(view), *map(views.variable, view.variables))
    return (
        select(
            func.min(_ORDINAL),
            _joined(func.uuid_send(_frozen.c.contact_id), b""),
            _joined(_marks(view), b""),
            *(_joined(func.textsend(func.coalesce(it, "")), b"\0") for it in texts),
        )
        .select_from(
            audience_members.join(_frozen, true())
            .outerjoin(contacts, contact)
            .outerjoin(consent_states, state)
        )
        .group_by(_m.after_ordinal)
        .order_by(_m.after_ordinal)
    )


def _range(asked: ColumnElement[bool]) -> tuple[ColumnElement[UUID], ColumnElement[UUID]]:
    """Return the first and the last id of the members in the asked rows; both are in order."""
    first = select(_m.contact_ids[1]).where(asked).order_by(_m.after_ordinal).limit(1)
    ids = _m.contact_ids
    last = (
        select(ids[func.cardinality(ids)]).where(asked).order_by(_m.after_ordinal.desc()).limit(1)
    )
    return first.scalar_subquery(), last.scalar_subquery()


def _marks(view: View) -> ColumnElement[bytes]:
    return case(
        (contacts.c.id.is_(None), _byte(GONE)),
        (and_(views.invalid(view.channel), views.consented(view)), _byte(INVALID | CONSENTED)),
        (views.invalid(view.channel), _byte(INVALID)),
        (views.consented(view), _byte(CONSENTED)),
        else_=_byte(0),
    )


def _byte(value: int) -> ColumnElement[bytes]:
    return literal(bytes([value]), LargeBinary)


def _joined(each: ColumnElement[Any], by: bytes) -> ColumnElement[bytes]:
    return func.string_agg(each, aggregate_order_by(literal(by, LargeBinary), _ORDINAL))


_DIALECT = psycopg.dialect()  # type: ignore[no-untyped-call]
_AFTER = bindparam("after", type_=BigInteger)
_LIMIT = bindparam("limit", type_=BigInteger)
_m = audience_members.c
_frozen = (
    func.unnest(_m.contact_ids)
    .table_valued(column("contact_id", Uuid), with_ordinality="place")
    .render_derived(name="frozen")
)
_ORDINAL = _m.after_ordinal + _frozen.c.place
# What People has before its values.
_FIXED = len(People._fields) - 1
_EVERYBODY = text("SELECT reltuples FROM pg_class WHERE oid = CAST('contacts' AS regclass)")
# Statistics know nothing of arrays, and would have each looked up.
_BY_RANGE = text("SELECT set_config('enable_nestloop', 'off', true)")
