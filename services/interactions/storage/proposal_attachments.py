"""Queries of files that go with proposals and their templates.

A content is stored once. Whoever lets go of one asks `sweep` in the same transaction; whoever names
one has it named already or has just kept it, so that none is lost between.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Table,
    collate,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.attachments import Attachment
from services.interactions.storage.proposal_tables import attachments, files, template_attachments

NOW = 0
"""The issue of what a proposal has now, whatever was sent."""

NONE = literal([], JSONB).label("attachments")
"""The column `attachments` of what has no files yet."""

_FIELDS = ("name", "media_type", "size", "hash")


async def keep(session: AsyncSession, file_hash: str, data: bytes) -> None:
    """Stores a content unless it is there; nobody sweeps it until the transaction ends."""
    query = upsert(files).values(hash=file_hash, data=data)
    # Nothing changes, but the row is locked: it may be one that another is letting go of.
    again = {"hash": query.excluded.hash}
    await session.execute(query.on_conflict_do_update(index_elements=["hash"], set_=again))


async def sweep(session: AsyncSession, hashes: Collection[str]) -> None:
    """Deletes those contents that nothing names any more; waits for who is naming one."""
    used = exists().where(template_attachments.c.hash == files.c.hash)
    # In one order, so that two never wait for each other. A template's stay for good.
    locked = await session.scalars(
        select(files.c.hash)
        .where(files.c.hash.in_(set(hashes)), ~used)
        .order_by(files.c.hash)
        .with_for_update()
    )
    # A statement of its own, since it is to see what others did while this one waited.
    named = exists().where(attachments.c.hash == files.c.hash)
    again = exists().where(template_attachments.c.hash == files.c.hash)
    found = locked.all()
    if found:
        await session.execute(delete(files).where(files.c.hash.in_(found), ~named, ~again))


async def put(session: AsyncSession, proposal_id: UUID, held: Sequence[Attachment]) -> None:
    """Sets what a proposal, locked before, has now."""
    await _put(session, attachments, {"proposal_id": proposal_id, "issue": NOW}, held)


async def put_of_template(
    session: AsyncSession, template_id: UUID, version: int, held: Sequence[Attachment]
) -> None:
    """Sets what a version of a template, made in this transaction, has."""
    key = {"template_id": template_id, "version": version}
    await _put(session, template_attachments, key, held)


async def seal(session: AsyncSession, proposal_id: UUID, issue: int) -> None:
    """Keeps what a proposal has now as what a sending has."""
    now = select(attachments.c.proposal_id, literal(issue), *_described(attachments))
    now = now.where(attachments.c.proposal_id == proposal_id, attachments.c.issue == NOW)
    names = ("proposal_id", "issue", *_FIELDS)
    await session.execute(insert(attachments).from_select(names, now.order_by(attachments.c.hash)))


async def drop(session: AsyncSession, proposal_id: UUID) -> Sequence[str]:
    """Deletes all of a proposal, sent ones too; returns their hashes, to be swept."""
    query = delete(attachments).where(attachments.c.proposal_id == proposal_id)
    return (await session.scalars(query.returning(attachments.c.hash))).all()


async def listed(
    session: AsyncSession, proposal_id: UUID, issue: int = NOW
) -> tuple[Attachment, ...]:
    """Returns what a proposal has now, or had in a sending, by name."""
    same = (attachments.c.proposal_id == proposal_id, attachments.c.issue == issue)
    query = select(*_described(attachments)).where(*same)
    query = query.order_by(collate(attachments.c.name, "C"))
    return tuple(Attachment(**row._mapping) for row in await session.execute(query))


async def read(
    session: AsyncSession, proposal_id: UUID, issue: int, name: str
) -> tuple[Attachment, bytes] | None:
    """Returns one file of a proposal with its content."""
    table = attachments
    wanted = (table.c.proposal_id == proposal_id, table.c.issue == issue, table.c.name == name)
    return await _read(session, table, *wanted)


async def read_of_template(
    session: AsyncSession, template_id: UUID, version: int, name: str
) -> tuple[Attachment, bytes] | None:
    """Returns one file of a template's version with its content."""
    table = template_attachments
    wanted = (table.c.template_id == template_id, table.c.version == version, table.c.name == name)
    return await _read(session, table, *wanted)


def together(table: Table, owner: FromClause, *same: ColumnElement[bool]) -> ColumnElement[Any]:
    """Returns the column `attachments` of a query of their `owner`: a JSON array, by name."""
    one = func.jsonb_build_object(*(part for it in _FIELDS for part in (it, table.c[it])))
    by_name = aggregate_order_by(one, collate(table.c.name, "C"))
    all_of = func.coalesce(func.jsonb_agg(by_name, type_=JSONB), literal([], JSONB), type_=JSONB)
    return select(all_of).where(*same).correlate(owner).scalar_subquery().label("attachments")


def unpacked(rows: Sequence[Mapping[str, Any]]) -> tuple[Attachment, ...]:
    """Returns what a column made by `together` holds."""
    return tuple(Attachment(**row) for row in rows)


async def _put(
    session: AsyncSession, table: Table, key: Mapping[str, Any], held: Sequence[Attachment]
) -> None:
    same = [table.c[name] == value for name, value in key.items()]
    await session.execute(delete(table).where(*same))
    rows = [{**key, **asdict(it)} for it in sorted(held, key=lambda it: it.hash)]
    if rows:
        await session.execute(insert(table).values(rows))


async def _read(
    session: AsyncSession, table: Table, *same: ColumnElement[bool]
) -> tuple[Attachment, bytes] | None:
    joined = table.join(files, files.c.hash == table.c.hash)
    query = select(*_described(table), files.c.data).select_from(joined).where(*same)
    found = (await session.execute(query)).mappings().first()
    if found is None:
        return None
    return Attachment(**{it: found[it] for it in _FIELDS}), bytes(found["data"])


def _described(table: Table) -> list[Column[Any]]:
    return [table.c[it] for it in _FIELDS]
