"""Queries that give what one user has to do to others."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Table,
    TextClause,
    and_,
    column,
    func,
    not_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from chassis.db import arrays
from chassis.scope import Scope
from services.interactions.domain.follow_ups import PENDING, FollowUp, Status
from services.interactions.domain.requests import Request
from services.interactions.domain.requests import State as RequestState
from services.interactions.storage import follow_ups, owned
from services.interactions.storage import requests as kept_requests
from services.interactions.storage.tables import follow_up_batches, requests, series
from services.interactions.storage.tables import follow_ups as table


class Count(NamedTuple):
    """How much there is: follow-ups, series, what these planned untouched, batches, requests."""

    follow_ups: int
    series: int
    occurrences: int
    batches: int
    requests: int


class Given(NamedTuple):
    """A follow-up that was given to another; `is_new`: who has it now did not have it before."""

    follow_up: FollowUp
    taker: UUID
    is_new: bool


class Moved(NamedTuple):
    """How many were given to another, and how many of these the other did not have before."""

    all: int
    new: int


async def count(session: AsyncSession, reach: Scope, asked: Scope, user_id: UUID) -> Count:
    """Returns what a user has within reach that is not closed; `asked` is that of requests."""
    theirs = select(series.c.id).where(*_of(series, reach, user_id))
    planned = _planned_by(theirs.scalar_subquery())
    alone = [*_pending(reach, user_id), not_(planned)]
    batches = [*_of(follow_up_batches, reach, user_id), follow_up_batches.c.state == "running"]
    return Count(
        await _number(session, table, alone),
        await _number(session, series, _of(series, reach, user_id)),
        await _number(session, table, [_has(table, user_id), planned]),
        await _number(session, follow_up_batches, batches),
        await _number(session, requests, _waiting(asked, user_id)),
    )


async def lock_series(session: AsyncSession, reach: Scope, user_id: UUID) -> list[UUID]:
    """Locks and returns a user's series; waits for workers that plan for them."""
    query = select(series.c.id).where(*_of(series, reach, user_id)).order_by(series.c.id)
    return list(await session.scalars(query.with_for_update()))


async def give_series(
    session: AsyncSession, ids: Collection[UUID], leaver: UUID, taker: UUID
) -> tuple[Moved, Moved]:
    """Gives locked series to another, with what they planned and nobody touched.

    Those stay as untouched as they were. Returns how many series and how many of these there are.
    """
    given = {"ids": arrays.uuids(ids), "leaver": leaver, "taker": taker}
    moved = [(await session.execute(it, given)).one() for it in (_GIVE_SERIES, _GIVE_OCCURRENCES)]
    return Moved(*moved[0]), Moved(*moved[1])


async def give_batches(session: AsyncSession, reach: Scope, leaver: UUID, taker: UUID) -> Moved:
    """Gives batches that still make follow-ups to another; returns how many.

    Waits for pages that are being made: what they make is seen by whoever looks afterwards.
    """
    c = follow_up_batches.c
    query = select(c.id).where(*_of(follow_up_batches, reach, leaver), c.state == "running")
    ids = list(await session.scalars(query.order_by(c.id).with_for_update()))
    given = {"ids": arrays.uuids(ids), "leaver": leaver, "taker": taker}
    return Moved(*(await session.execute(_GIVE_BATCHES, given)).one())


async def give_requests(
    session: AsyncSession, reach: Scope, leaver: UUID, taker: UUID, *, owners: bool
) -> Sequence[tuple[Request, UUID]]:
    """Gives requests that are not closed to another, or to another `owner` of the contact.

    Returns each with who has it now.
    """
    query = select(requests.c.id).where(*_waiting(reach, leaver)).order_by(requests.c.id)
    ids = list(await session.scalars(query.with_for_update()))
    given = {"ids": arrays.uuids(ids), "leaver": leaver, "taker": taker, "owners": owners}
    told = (column("taker", Uuid), column("had", Boolean))
    found = await session.execute(_GIVE_REQUESTS.columns(*requests.c, *told), given)
    names = [it.name for it in requests.c]
    return [
        (kept_requests.of_values({it: getattr(row, it) for it in names}), row.taker)
        for row in found
    ]


async def lock_follow_ups(
    session: AsyncSession, reach: Scope, user_id: UUID, series_ids: Collection[UUID], limit: int
) -> list[UUID]:
    """Locks and returns up to `limit` of a user's follow-ups, but for untouched ones of series."""
    ids = func.unnest(text("CAST(:series AS uuid[])").bindparams(series=arrays.uuids(series_ids)))
    planned = _planned_by(select(ids).scalar_subquery())
    query = select(table.c.id).where(*_pending(reach, user_id), not_(planned))
    query = query.order_by(table.c.id).limit(limit).with_for_update()
    return list(await session.scalars(query))


async def give_follow_ups(
    session: AsyncSession, ids: Collection[UUID], leaver: UUID, taker: UUID, *, owners: bool
) -> Sequence[Given]:
    """Gives locked follow-ups to another, or to another `owner` of the contact; returns them."""
    given = {"ids": arrays.uuids(ids), "leaver": leaver, "taker": taker, "owners": owners}
    told = (column("taker", Uuid), column("had", Boolean))
    found = await session.execute(_GIVE.columns(*table.c, *told), given)
    names = [it.name for it in table.c]
    return [
        Given(follow_ups.of_values({it: getattr(row, it) for it in names}), row.taker, not row.had)
        for row in found
    ]


def _pending(reach: Scope, user_id: UUID) -> list[ColumnElement[bool]]:
    return [*_of(table, reach, user_id), table.c.status.in_(PENDING)]


def _waiting(reach: Scope, user_id: UUID) -> list[ColumnElement[bool]]:
    return [*_of(requests, reach, user_id), requests.c.state != RequestState.CLOSED]


def _of(of: Table, reach: Scope, user_id: UUID) -> list[ColumnElement[bool]]:
    return [_has(of, user_id), owned.rows(reach, of)]


def _has(of: Table, user_id: UUID) -> ColumnElement[bool]:
    has: ColumnElement[bool] = of.c.assignee_ids.contains(array([user_id], type_=Uuid))
    return has


def _planned_by(series_ids: Any) -> ColumnElement[bool]:
    """Whether a follow-up is as one of these series planned it. Not null for those of none."""
    return and_(
        func.coalesce(table.c.series_id.in_(series_ids), False),
        table.c.status == Status.SCHEDULED,
        table.c.revision == 1,
    )


async def _number(session: AsyncSession, of: Table, what: list[ColumnElement[bool]]) -> int:
    query = select(func.count()).select_from(of).where(*what)
    return int((await session.execute(query)).scalar_one())


_INSTEAD = """
    CASE WHEN assignee_ids @> ARRAY[{taker}] THEN array_remove(assignee_ids, :leaver)
         ELSE array_replace(assignee_ids, :leaver, {taker}) END
"""
_TAKER = _INSTEAD.format(taker="CAST(:taker AS uuid)")


def _giving(of: str, where: str, raised: str) -> TextClause:
    """Returns what gives rows of a table to another; counts them, and those that are new."""
    return text(f"""
        WITH given AS (
            SELECT id AS given_id, assignee_ids @> ARRAY[CAST(:taker AS uuid)] AS had
            FROM {of} WHERE {where}
            ORDER BY id
            FOR UPDATE
        ), moved AS (
            UPDATE {of} SET assignee_ids = {_TAKER}, {raised} update_time = now()
            FROM given WHERE id = given_id
            RETURNING had
        )
        SELECT count(*), count(*) FILTER (WHERE NOT had) FROM moved
    """)  # noqa: S608


_NAMED, _RAISED = "id = ANY(CAST(:ids AS uuid[]))", "revision = revision + 1,"
_PLANNED = """
    series_id = ANY(CAST(:ids AS uuid[])) AND status = 'scheduled' AND revision = 1
    AND assignee_ids @> ARRAY[CAST(:leaver AS uuid)]
"""
_GIVE_SERIES = _giving("series", _NAMED, _RAISED)
_GIVE_OCCURRENCES = _giving("follow_ups", _PLANNED, "")
_GIVE_BATCHES = _giving("follow_up_batches", _NAMED, _RAISED)


def _giving_each(of: str, told: str) -> TextClause:
    """Returns what gives rows of a table to another, or to another owner of their contact."""
    return text(f"""
        UPDATE {of} AS f
        SET assignee_ids = {_INSTEAD.format(taker="n.taker")}, revision = revision + 1,
            update_time = now()
        FROM (
            SELECT g.id, coalesce(
                (SELECT o.id FROM unnest(c.owner_ids) WITH ORDINALITY AS o (id, place)
                 WHERE :owners AND o.id <> :leaver ORDER BY o.place LIMIT 1), :taker) AS taker,
                g.assignee_ids AS before
            FROM {of} AS g
            LEFT JOIN contacts AS c ON c.id = g.contact_id AND NOT c.deleted
            WHERE g.id = ANY(CAST(:ids AS uuid[]))
        ) AS n
        WHERE f.id = n.id
        RETURNING {told}, n.taker, n.taker = ANY(n.before)
    """)  # noqa: S608


_GIVE = _giving_each("follow_ups", ", ".join(f"f.{it.name}" for it in table.c))
_GIVE_REQUESTS = _giving_each("requests", ", ".join(f"f.{it.name}" for it in requests.c))
