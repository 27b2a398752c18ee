"""Queries of proposals and their history."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import (
    Row,
    delete,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain.proposals.events import Event, Happened
from services.interactions.domain.proposals.moves import StageMove
from services.interactions.domain.proposals.pricing import Group, Line, Totals, Vat
from services.interactions.domain.proposals.proposals import WAITING, Proposal, State
from services.interactions.storage import owned, proposal_attachments
from services.interactions.storage.proposal_tables import attachments, events, pdfs, proposals

_WHOLE = (
    *proposals.c,
    proposal_attachments.together(
        attachments,
        proposals,
        attachments.c.proposal_id == proposals.c.id,
        attachments.c.issue == proposal_attachments.NOW,
    ),
)


@dataclass(frozen=True)
class Filter:
    """Which proposals to list; None and empty mean any."""

    contact_id: UUID | None = None
    owner_id: UUID | None = None
    states: Sequence[State] = ()


async def database_time(session: AsyncSession) -> datetime:
    """Returns the time that all replicas agree on: when the transaction began."""
    now: datetime = (await session.execute(select(func.now()))).scalar_one()
    return now


async def next_number(session: AsyncSession, year: int) -> int:
    """Returns the next place in the year; held locked until the transaction ends."""
    place: int = (await session.execute(_NEXT, {"year": year})).scalar_one()
    return place


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Proposal:
    """Stores a new proposal, which has no files yet."""
    query = (
        insert(proposals).values(_packed(values)).returning(proposals, proposal_attachments.NONE)
    )
    return _proposal((await session.execute(query)).one())


async def get(
    session: AsyncSession, proposal_id: UUID, *, of: UUID | None = None, lock: bool = False
) -> Proposal | None:
    """Returns one, for a contact if one is named; `lock` keeps others from changing it."""
    wanted = proposals.c.id == proposal_id
    if of is not None:
        wanted &= proposals.c.contact_id == of
    if lock:
        # First and alone: who waited for another sees the files which that one left.
        await session.execute(select(proposals.c.id).where(wanted).with_for_update())
    row = (await session.execute(select(*_WHOLE).where(wanted))).first()
    return _proposal(row) if row else None


async def change(session: AsyncSession, kept: Proposal, values: Mapping[str, Any]) -> Proposal:
    """Sets columns and raises the revision of one that was locked before."""
    raised = {"revision": proposals.c.revision + 1, "update_time": func.now()}
    return await mark(session, kept, {**values, **raised})


async def mark(session: AsyncSession, kept: Proposal, values: Mapping[str, Any]) -> Proposal:
    """Sets columns of one that was locked before and leaves its revision."""
    query = (
        update(proposals)
        .where(proposals.c.id == kept.id)
        .values(_packed(values))
        .returning(*_WHOLE)
    )
    return _proposal((await session.execute(query)).one())


async def drop(session: AsyncSession, proposal_id: UUID) -> None:
    """Deletes one that was locked before, with its history."""
    await session.execute(delete(proposals).where(proposals.c.id == proposal_id))


async def of_contact(session: AsyncSession, contact_id: UUID) -> Sequence[Proposal]:
    """Returns and locks all of a contact."""
    query = select(*_WHOLE).where(proposals.c.contact_id == contact_id).with_for_update()
    return [_proposal(row) for row in await session.execute(query.order_by(proposals.c.id))]


async def sent_to(session: AsyncSession, addresses: Collection[str]) -> Sequence[Proposal]:
    """Returns and locks all for one of these addresses, however written."""
    wanted = func.lower(proposals.c.address).in_(sorted({it.lower() for it in addresses}))
    query = select(*_WHOLE).where(wanted).order_by(proposals.c.id).with_for_update()
    return [_proposal(row) for row in await session.execute(query)]


async def expired(session: AsyncSession, limit: int) -> Sequence[Proposal]:
    """Returns and locks up to `limit` whose last day has passed by the database's clock.

    Skips those that another replica, or a customer's answer, holds.
    """
    query = (
        select(*_WHOLE)
        .where(proposals.c.state.in_(WAITING), proposals.c.expire_time <= func.now())
        .order_by(proposals.c.expire_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_proposal(row) for row in await session.execute(query)]


async def to_remind(session: AsyncSession, limit: int) -> Sequence[Proposal]:
    """Returns and locks up to `limit` whose reminder is due; skips those others hold."""
    query = (
        select(*_WHOLE)
        .where(proposals.c.remind_time <= func.now())
        .order_by(proposals.c.remind_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_proposal(row) for row in await session.execute(query)]


async def page(
    session: AsyncSession,
    wanted: Filter,
    scope: Scope,
    size: int,
    before: tuple[datetime, UUID] | None,
) -> Sequence[Proposal]:
    """Returns up to `size` within reach, newest first, from before the given place."""
    table = proposals
    query = select(*_WHOLE).where(owned.proposals(scope)).limit(size)
    if wanted.contact_id is not None:
        query = query.where(table.c.contact_id == wanted.contact_id)
    if wanted.owner_id is not None:
        query = query.where(table.c.owner_id == wanted.owner_id)
    if wanted.states:
        query = query.where(table.c.state.in_(wanted.states))
    if before is not None:
        query = query.where(tuple_(table.c.create_time, table.c.id) < before)
    query = query.order_by(table.c.create_time.desc(), table.c.id.desc())
    return [_proposal(row) for row in await session.execute(query)]


async def note(
    session: AsyncSession, kept: Proposal, kind: Happened, actor: str, words: str = ""
) -> UUID:
    """Adds a line to a proposal's history; returns its id."""
    event_id = uuid_utils.compat.uuid7()
    values = {
        "id": event_id,
        "proposal_id": kept.id,
        "kind": kind,
        "actor": actor,
        "issue": kept.issue,
        "text": words,
    }
    await session.execute(insert(events).values(values))
    return event_id


async def history(
    session: AsyncSession, proposal_id: UUID, size: int, before: tuple[datetime, UUID] | None
) -> Sequence[Event]:
    """Returns up to `size` lines of a history, newest first, from before the given place."""
    query = (
        select(events)
        .where(events.c.proposal_id == proposal_id)
        .order_by(events.c.time.desc(), events.c.id.desc())
        .limit(size)
    )
    if before is not None:
        query = query.where(tuple_(events.c.time, events.c.id) < before)
    return [
        Event(**{**row._mapping, "kind": Happened(row.kind)})
        for row in await session.execute(query)
    ]


async def count(session: AsyncSession, proposal_id: UUID, kind: Happened) -> int:
    """Returns how often something happened to a proposal, which is bounded."""
    query = select(func.count()).where(events.c.proposal_id == proposal_id, events.c.kind == kind)
    counted: int = (await session.execute(query)).scalar_one()
    return counted


async def silence(session: AsyncSession, proposal_id: UUID) -> None:
    """Deletes what the customer said and got, but not that it happened."""
    await session.execute(update(events).where(events.c.proposal_id == proposal_id).values(text=""))
    await session.execute(delete(pdfs).where(pdfs.c.proposal_id == proposal_id))


async def pdf(session: AsyncSession, kept: Proposal) -> bytes | None:
    """Returns the PDF of what was sent last, if it was made."""
    query = select(pdfs.c.data).where(pdfs.c.proposal_id == kept.id, pdfs.c.issue == kept.issue)
    data = (await session.execute(query)).scalar()
    return None if data is None else bytes(data)


async def keep_pdf(session: AsyncSession, kept: Proposal, data: bytes) -> None:
    """Keeps the PDF of what was sent last, unless there is one."""
    values = {"proposal_id": kept.id, "issue": kept.issue, "data": data}
    await session.execute(upsert(pdfs).values(values).on_conflict_do_nothing())


_ERRANDS = ("remind_time", "move_time", "move_attempts")


def _packed(values: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(values)
    if "lines" in made:
        made["lines"] = [asdict(line) for line in made["lines"]]
    if "totals" in made:
        made["totals"] = asdict(made["totals"])
    return made


def _proposal(row: Row[Any]) -> Proposal:
    values: dict[str, Any] = {str(name): value for name, value in row._mapping.items()}
    for name in _ERRANDS:
        del values[name]
    values["stage_move"] = StageMove(values["stage_move"])
    values["number"] = values["number"] or ""
    values["state"] = State(values["state"])
    values["lines"] = tuple(Line(**{**it, "vat": Vat(it["vat"])}) for it in values["lines"])
    groups = tuple(
        Group(Vat(it["vat_rate"]), it["net"], it["vat"]) for it in values["totals"]["groups"]
    )
    values["totals"] = Totals(**{**values["totals"], "groups": groups})
    values["attachments"] = proposal_attachments.unpacked(values["attachments"])
    return Proposal(**values)


_NEXT = text("""
    INSERT INTO proposal_numbers AS n (year, last) VALUES (:year, 1)
    ON CONFLICT (year) DO UPDATE SET last = n.last + 1
    RETURNING last
""")
