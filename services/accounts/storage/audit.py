"""Queries of the audit chain and of the keys that seal its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.chain import FIRST, Entry
from services.accounts.storage.tables import audit_entries, audit_keys


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


async def has(session: AsyncSession, entry_id: str) -> bool:
    """Returns True if the entry was chained before."""
    query = select(audit_entries.c.sequence).where(audit_entries.c.id == entry_id)
    return (await session.execute(query)).first() is not None


async def append(session: AsyncSession, entry: Entry, entry_hash: bytes) -> None:
    """Adds the next entry; call `lock_chain` first."""
    await session.execute(insert(audit_entries).values({**vars(entry), "hash": entry_hash}))


async def key_in_use(
    session: AsyncSession, subject_type: str, subject_id: str
) -> tuple[UUID, bytes] | None:
    """Returns id and sealed bytes of the key for a subject's new values."""
    query = select(audit_keys.c.id, audit_keys.c.sealed_key).where(
        audit_keys.c.subject_type == subject_type,
        audit_keys.c.subject_id == subject_id,
        audit_keys.c.destroy_time.is_(None),
    )
    row = (await session.execute(query)).first()
    return (row.id, bytes(row.sealed_key)) if row else None


async def add_key(session: AsyncSession, values: Mapping[str, object]) -> None:
    """Stores a subject's key; call `lock_chain` first."""
    await session.execute(insert(audit_keys).values(values))


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
