"""Queries of a contact's story: facts from events, the rest from tables of its own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    cast,
    delete,
    extract,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from chassis.scope import Scope
from services.interactions.domain.proposals.events import CUSTOMER
from services.interactions.domain.timeline import Entry, Fact, Imported, Kind
from services.interactions.storage import owned
from services.interactions.storage.proposal_tables import events, proposals
from services.interactions.storage.tables import (
    contact_reminders,
    deliveries,
    facts,
    follow_ups,
    interactions,
    notes,
    request_replies,
    requests,
)

_LONGEST = 200


async def put(session: AsyncSession, told: Sequence[Fact]) -> None:
    """Stores facts; what was told of the same fact stays if its version is greater."""
    newest: dict[tuple[UUID, UUID], Fact] = {}
    for fact in told:
        key = (fact.contact_id, fact.entry.id)
        known = newest.get(key)
        if known is None or fact.version > known.version:
            newest[key] = fact
    if not newest:
        return
    rows = [_row(newest[key]) for key in sorted(newest)]
    await session.execute(_PUT, {"rows": orjson.dumps(rows).decode()})


async def put_imported(session: AsyncSession, told: Imported) -> None:
    """Stores that contacts came or changed by an import, but for those that were deleted."""
    entry = told.entry
    for result, ids in (("created", told.created), ("updated", told.updated)):
        values = {
            "ids": arrays.uuids(sorted(ids)),
            "id": entry.id,
            "time": entry.time,
            "kind": entry.kind.value,
            "resource_id": entry.resource_id,
            "details": orjson.dumps({**entry.details, "result": result}).decode(),
            "version": told.version,
        }
        if ids:
            await session.execute(_PUT_IMPORTED, values)


async def drop_of_contact(session: AsyncSession, contact_id: UUID) -> None:
    """Deletes all facts of a contact."""
    await session.execute(delete(facts).where(facts.c.contact_id == contact_id))


async def page(
    session: AsyncSession,
    contact_id: UUID,
    kinds: Sequence[Kind],
    reach: Scope,
    size: int,
    before: tuple[datetime, UUID] | None,
    *,
    offers: Scope | None = None,
    asked: Scope | None = None,
) -> Sequence[Entry]:
    """Returns up to `size` entries of these kinds, newest first, from before the given place.

    `reach` is the caller's right to read follow-ups, `offers` that to read proposals, `asked` that
    to read requests; those beyond it are left out.
    """
    sources = [_facts(contact_id, kinds)]
    if Kind.NOTE in kinds:
        sources.append(_notes(contact_id))
    if Kind.INTERACTION in kinds:
        sources.append(_interactions(contact_id))
    if Kind.FOLLOW_UP in kinds:
        sources.append(_follow_ups(reach).where(follow_ups.c.contact_id == contact_id))
        sources.append(_shared(contact_id, reach))
    if Kind.REMINDER in kinds:
        sources.append(_reminders(contact_id, reach))
    if Kind.PROPOSAL in kinds and offers is not None:
        sources.append(_proposals(contact_id, offers))
    if Kind.REQUEST in kinds and asked is not None:
        sources += [_requests(contact_id, asked), _replies(contact_id, asked)]
    parts = []
    for source in sources:
        part = source.subquery()
        query = select(part).order_by(part.c.time.desc(), part.c.id.desc()).limit(size)
        if before is not None:
            query = query.where(tuple_(part.c.time, part.c.id) < before)
        parts.append(query.subquery().select())
    whole = union_all(*parts).subquery()
    query = select(whole).order_by(whole.c.time.desc(), whole.c.id.desc()).limit(size)
    return [
        Entry(row.id, row.time, Kind(row.kind), row.resource_id, row.actor, row.details)
        for row in await session.execute(query)
    ]


def _facts(contact_id: UUID, kinds: Sequence[Kind]) -> Select[Any]:
    return select(
        facts.c.id,
        facts.c.time,
        facts.c.kind,
        facts.c.resource_id,
        facts.c.actor,
        facts.c.details,
    ).where(facts.c.contact_id == contact_id, facts.c.kind.in_(kinds))


def _notes(contact_id: UUID) -> Select[Any]:
    details: Any = func.jsonb_build_object("text", notes.c.text, type_=JSONB)
    return select(
        notes.c.id,
        notes.c.create_time.label("time"),
        literal(Kind.NOTE.value).label("kind"),
        cast(notes.c.id, Text).label("resource_id"),
        notes.c.author_id.label("actor"),
        details.label("details"),
    ).where(notes.c.contact_id == contact_id)


def _interactions(contact_id: UUID) -> Select[Any]:
    table = interactions
    told = ("kind", "direction", "result", "text")
    pairs = [part for name in told for part in (name, table.c[name])]
    seconds = cast(cast(extract("epoch", table.c.duration), Integer), Text)
    details: Any = func.jsonb_build_object(*pairs, "seconds", seconds, type_=JSONB)
    return select(
        table.c.id,
        table.c.start_time.label("time"),
        literal(Kind.INTERACTION.value).label("kind"),
        cast(table.c.id, Text).label("resource_id"),
        table.c.author_id.label("actor"),
        details.label("details"),
    ).where(table.c.contact_id == contact_id)


def _shared(contact_id: UUID, reach: Scope) -> Select[Any]:
    """Messages to several, the contact among them."""
    among = deliveries.c.follow_up_id == follow_ups.c.id
    return (
        _follow_ups(reach)
        .join(deliveries, among)
        .where(deliveries.c.contact_id == contact_id, follow_ups.c.contact_id.is_(None))
    )


def _reminders(contact_id: UUID, reach: Scope) -> Select[Any]:
    """Reminders to the contact that the notifier has, each when it was due."""
    c = contact_reminders.c
    pairs = [
        *("type", follow_ups.c.type, "state", c.state, "reason", c.reason),
        *("channel", c.sender["channel"]),
    ]
    details: Any = func.jsonb_build_object(*pairs, type_=JSONB)
    return (
        select(
            c.message_id.label("id"),
            (c.start_time - func.make_interval(0, 0, 0, 0, 0, c.minutes_before)).label("time"),
            literal(Kind.REMINDER.value).label("kind"),
            cast(c.follow_up_id, Text).label("resource_id"),
            literal("interactions").label("actor"),
            details.label("details"),
        )
        .join(follow_ups, follow_ups.c.id == c.follow_up_id)
        .where(
            c.contact_id == contact_id,
            c.message_id.is_not(None),
            owned.follow_ups(reach),
        )
    )


def _follow_ups(reach: Scope) -> Select[Any]:
    told = ("title", "type", "status", "outcome")
    pairs = [part for name in told for part in (name, follow_ups.c[name])]
    details: Any = func.jsonb_build_object(*pairs, type_=JSONB)
    return select(
        follow_ups.c.id,
        follow_ups.c.start_time.label("time"),
        literal(Kind.FOLLOW_UP.value).label("kind"),
        cast(follow_ups.c.id, Text).label("resource_id"),
        follow_ups.c.creator_id.label("actor"),
        details.label("details"),
    ).where(owned.follow_ups(reach))


def _proposals(contact_id: UUID, reach: Scope) -> Select[Any]:
    pairs = [
        *("event", events.c.kind, "text", events.c.text),
        *("title", proposals.c.title, "number", func.coalesce(proposals.c.number, "")),
    ]
    details: Any = func.jsonb_build_object(*pairs, type_=JSONB)
    joined = events.join(proposals, proposals.c.id == events.c.proposal_id)
    query = select(
        events.c.id,
        events.c.time,
        literal(Kind.PROPOSAL.value).label("kind"),
        cast(proposals.c.id, Text).label("resource_id"),
        events.c.actor,
        details.label("details"),
    ).select_from(joined)
    return query.where(proposals.c.contact_id == contact_id, owned.proposals(reach))


def _requests(contact_id: UUID, reach: Scope) -> Select[Any]:
    c = requests.c
    pairs = ["event", "asked", "kind", c.kind, "subject", c.subject, "text", _begins(c.text)]
    return select(
        c.id,
        c.create_time.label("time"),
        literal(Kind.REQUEST.value).label("kind"),
        cast(c.id, Text).label("resource_id"),
        literal(CUSTOMER).label("actor"),
        func.jsonb_build_object(*pairs, type_=JSONB).label("details"),
    ).where(c.contact_id == contact_id, owned.rows(reach, requests))


def _replies(contact_id: UUID, reach: Scope) -> Select[Any]:
    c, of = request_replies.c, requests.c
    pairs = ["event", "replied", "kind", of.kind, "subject", of.subject, "text", _begins(c.text)]
    query = select(
        c.id,
        c.create_time.label("time"),
        literal(Kind.REQUEST.value).label("kind"),
        cast(c.request_id, Text).label("resource_id"),
        c.author_id.label("actor"),
        func.jsonb_build_object(*pairs, type_=JSONB).label("details"),
    ).select_from(request_replies.join(requests, of.id == c.request_id))
    return query.where(of.contact_id == contact_id, owned.rows(reach, requests))


def _begins(words: ColumnElement[str]) -> ColumnElement[str]:
    return func.left(words, _LONGEST)


def _row(fact: Fact) -> dict[str, Any]:
    entry = fact.entry
    return {
        "id": entry.id,
        "contact_id": fact.contact_id,
        "time": entry.time,
        "kind": entry.kind.value,
        "resource_id": entry.resource_id,
        "actor": entry.actor,
        "details": dict(entry.details),
        "version": fact.version,
    }


_NEWER = """
    ON CONFLICT (contact_id, id) DO UPDATE
    SET time = excluded.time, kind = excluded.kind, resource_id = excluded.resource_id,
        actor = excluded.actor, details = excluded.details, version = excluded.version
    WHERE f.version < excluded.version
"""
_PUT = text(f"""
    INSERT INTO facts AS f (id, contact_id, time, kind, resource_id, actor, details, version)
    SELECT id, contact_id, time, kind, resource_id, actor, details, version
    FROM json_populate_recordset(CAST(NULL AS facts), CAST(:rows AS json))
    {_NEWER}
""")  # noqa: S608 (our own words)
_PUT_IMPORTED = text(f"""
    INSERT INTO facts AS f (id, contact_id, time, kind, resource_id, details, version)
    SELECT :id, told.id, :time, :kind, :resource_id, CAST(:details AS jsonb), :version
    FROM unnest(CAST(:ids AS uuid[])) AS told (id)
    WHERE NOT EXISTS (SELECT FROM contacts AS c WHERE c.deleted AND c.id = told.id)
    {_NEWER}
""")  # noqa: S608 (our own words)
