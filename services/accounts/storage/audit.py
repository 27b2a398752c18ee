"""Queries of the audit chain and of the keys that seal its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, insert, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.chain import FIRST, Entry
from services.accounts.storage.tables import audit_entries, audit_keys

Subject = tuple[str, str]
Sealed = tuple[UUID, bytes]


@dataclass(frozen=True)
class Filter:
    """Which entries to list; empty text and None mean any."""

    subject_type: str = ""
    subject_id: str = ""
    actor_id: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Kept:
    """An entry with its hash, and the sealed key of its values (None after erasure)."""

    entry: Entry
    hash: bytes
    sealed_key: bytes | None


async def lock_chain(session: AsyncSession) -> None:
    """Makes this the only writer of the chain until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('accounts audit chain'))"))


async def head(session: AsyncSession) -> tuple[int, bytes]:
    """Returns the newest entry's place and hash; (0, 32 zero bytes) for an empty chain."""
    columns = select(audit_entries.c.sequence, audit_entries.c.hash)
    query = columns.order_by(audit_entries.c.sequence.desc()).limit(1)
    row = (await session.execute(query)).first()
    return (row.sequence, bytes(row.hash)) if row else (0, FIRST)


async def known(session: AsyncSession, entry_ids: Sequence[str]) -> set[str]:
    """Returns those that were chained before."""
    query = select(audit_entries.c.id).where(audit_entries.c.id.in_(entry_ids))
    return set(await session.scalars(query))


async def append(session: AsyncSession, entries: Sequence[tuple[Entry, bytes]]) -> None:
    """Adds the next entries, each with its hash; call `lock_chain` first."""
    rows = [{**vars(entry), "hash": entry_hash} for entry, entry_hash in entries]
    await session.execute(insert(audit_entries), rows)


async def keys_in_use(session: AsyncSession, subjects: Sequence[Subject]) -> dict[Subject, Sealed]:
    """Returns id and sealed bytes of the keys for new values of subjects (type, id)."""
    table = audit_keys
    query = select(table.c.subject_type, table.c.subject_id, table.c.id, table.c.sealed_key).where(
        tuple_(table.c.subject_type, table.c.subject_id).in_(subjects),
        table.c.destroy_time.is_(None),
    )
    return {(row[0], row[1]): (row[2], bytes(row[3])) for row in await session.execute(query)}


async def add_keys(session: AsyncSession, rows: Sequence[Mapping[str, object]]) -> None:
    """Stores keys of subjects; call `lock_chain` first."""
    await session.execute(insert(audit_keys), rows)


async def destroy_keys(session: AsyncSession, subject_type: str, subject_id: str) -> int:
    """Forgets the keys of a subject, so that nobody can read its values; returns how many."""
    query = (
        update(audit_keys)
        .where(
            audit_keys.c.subject_type == subject_type,
            audit_keys.c.subject_id == subject_id,
            audit_keys.c.destroy_time.is_(None),
        )
        .values(sealed_key=None, destroy_time=func.now())
        .returning(audit_keys.c.id)
    )
    return len((await session.execute(query)).all())


async def page(
    session: AsyncSession, wanted: Filter, size: int, before: int | None
) -> Sequence[Kept]:
    """Returns up to `size` entries, newest first, from below the place `before`."""
    table = audit_entries
    query = (
        select(table, audit_keys.c.sealed_key)
        .outerjoin(audit_keys, audit_keys.c.id == table.c.key_id)
        .order_by(table.c.sequence.desc())
        .limit(size)
    )
    for name in ("subject_type", "subject_id", "actor_id", "action"):
        if value := getattr(wanted, name):
            query = query.where(table.c[name] == value)
    if wanted.since is not None:
        query = query.where(table.c.time >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.c.time < wanted.until)
    if before is not None:
        query = query.where(table.c.sequence < before)
    return [_kept(row._mapping) for row in await session.execute(query)]


async def links(session: AsyncSession, after: int, limit: int = 1_000) -> Sequence[Kept]:
    """Returns the next links of the chain in order, without the keys of their values."""
    query = (
        select(audit_entries)
        .where(audit_entries.c.sequence > after)
        .order_by(audit_entries.c.sequence)
        .limit(limit)
    )
    return [_kept(row._mapping) for row in await session.execute(query)]


def _kept(row: RowMapping) -> Kept:
    columns: dict[str, Any] = {str(name): value for name, value in row.items()}
    sealed_key, entry_hash = columns.pop("sealed_key", None), columns.pop("hash")
    return Kept(
        entry=Entry(**columns),
        hash=bytes(entry_hash),
        sealed_key=bytes(sealed_key) if sealed_key is not None else None,
    )
