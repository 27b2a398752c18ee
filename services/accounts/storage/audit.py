"""Queries of the audit log: what the chain goes on from, the keys of its values, its lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays
from services.accounts.domain.chain import FIRST, Entry

Subject = tuple[str, str]
Sealed = tuple[UUID, bytes]
Place = tuple[datetime, int]
"""When an entry happened, and its place in the chain."""


@dataclass(frozen=True)
class Filter:
    """Which entries to list; empty text and None mean any."""

    subject_type: str = ""
    subject_id: str = ""
    actor_id: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None
    action_prefix: str = ""
    service: str = ""


@dataclass(frozen=True)
class Kept:
    """An entry with its hash, and the sealed key of its values (None after erasure)."""

    entry: Entry
    hash: bytes
    sealed_key: bytes | None


@dataclass(frozen=True)
class Standing:
    """What the chain goes on from: its newest place and hash, and what is known already."""

    sequence: int
    hash: bytes
    known: set[str]
    keys: dict[Subject, Sealed]
    erased: set[Subject]


async def stand(
    session: AsyncSession, entry_ids: Sequence[str], subjects: Sequence[Subject]
) -> Standing:
    """Makes this the only writer of the chain until the transaction ends, and reads where it is.

    Which of the entries were chained before comes with it, the keys in use of the subjects, and
    those subjects whose values are not kept any more.
    """
    together = db.Together(session)
    together.add(db.Ask(_LOCK, {}, db.nothing))
    newest = together.add(db.Ask(_HEAD, {}, _head))
    given = {"ids": arrays.texts(entry_ids)}
    known = together.add(db.Ask(_KNOWN, given, lambda rows: {it.id for it in rows}))
    named = {
        "types": arrays.texts(it for it, _ in subjects),
        "ids": arrays.texts(it for _, it in subjects),
    }
    keys = together.add(db.Ask(_KEYS, named, _keys))
    erased = together.add(db.Ask(_ERASED, named, _subjects))
    await together.send()
    return Standing(*newest(), known(), keys(), erased())


async def head(session: AsyncSession) -> tuple[int, bytes]:
    """Returns the newest entry's place and hash; (0, 32 zero bytes) for an empty chain."""
    return await db.ask(session, db.Ask(_HEAD, {}, _head))


async def add_keys(
    session: AsyncSession, subjects: Sequence[Subject], keys: Sequence[Sealed]
) -> None:
    """Stores keys of subjects, in the same order; lock the chain first."""
    given = {
        "ids": arrays.uuids(it for it, _ in keys),
        "types": arrays.texts(it for it, _ in subjects),
        "subjects": arrays.texts(it for _, it in subjects),
        "sealed": arrays.blobs(it for _, it in keys),
    }
    await db.ask(session, db.Ask(_ADD_KEYS, given, db.nothing))


async def page(
    session: AsyncSession,
    wanted: Filter,
    size: int,
    before: Place | None,
    newest: int | None = None,
) -> Sequence[Kept]:
    """Returns up to `size` entries by time and place, latest first, from below `before`.

    Those behind the place `newest` are left out.
    """
    conditions, given = _conditions(wanted, newest)
    if before is not None:
        conditions.append("(time, sequence) < (CAST(:time AS timestamptz), :sequence)")
        given |= {"time": before[0], "sequence": before[1]}
    listed = _listed("*", conditions, wanted) + " ORDER BY time DESC, sequence DESC LIMIT :size"
    query = text(f"""
        SELECT listed.*, k.sealed_key FROM ({listed}) AS listed
        LEFT JOIN audit_keys k ON k.id = listed.key_id
        ORDER BY listed.time DESC, listed.sequence DESC
    """)  # noqa: S608 (our own words)
    found = await session.execute(query, {**given, "size": size})
    return [_kept(row._mapping) for row in found]


async def count(session: AsyncSession, wanted: Filter, newest: int) -> int:
    """Returns how many entries there are up to the place `newest`."""
    conditions, given = _conditions(wanted, newest)
    where = " AND ".join([*conditions, *_prefix(wanted)])
    query = text(f"SELECT count(*) FROM audit_entries WHERE {where}")  # noqa: S608 (as above)
    found: int = (await session.execute(query, given)).scalar_one()
    return found


def _conditions(wanted: Filter, newest: int | None) -> tuple[list[str], dict[str, object]]:
    conditions, given = ["true"], dict[str, object]()
    for name in ("subject_type", "subject_id", "actor_id", "action", "service"):
        if value := getattr(wanted, name):
            conditions.append(f"{name} = :{name}")
            given[name] = value
    for condition, name, value in (
        ("time >= :since", "since", wanted.since),
        ("time < :until", "until", wanted.until),
        ("sequence <= :newest", "newest", newest),
    ):
        if value is not None:
            conditions.append(condition)
            given[name] = value
    if wanted.action_prefix:
        given["prefix"] = wanted.action_prefix
    return conditions, given


def _prefix(wanted: Filter) -> list[str]:
    return ["starts_with(action, :prefix)"] if wanted.action_prefix else []


def _listed(columns: str, conditions: Sequence[str], wanted: Filter) -> str:
    """The entries; for a beginning of actions the first of each action, since few are named so.

    An index has them by action and time: those of several actions are in no order.
    """
    where = " AND ".join(conditions)
    if not wanted.action_prefix or wanted.subject_id:
        where = " AND ".join([*conditions, *_prefix(wanted)])
        return f"SELECT {columns} FROM audit_entries WHERE {where}"  # noqa: S608 (as above)
    return f"""
        WITH RECURSIVE actions AS (
            (SELECT action FROM audit_entries ORDER BY action LIMIT 1)
            UNION ALL
            SELECT (SELECT e.action FROM audit_entries e WHERE e.action > actions.action
                    ORDER BY e.action LIMIT 1)
            FROM actions WHERE actions.action IS NOT NULL
        )
        SELECT found.* FROM (SELECT action FROM actions WHERE starts_with(action, :prefix)) AS named
        CROSS JOIN LATERAL (
            SELECT {columns} FROM audit_entries
            WHERE audit_entries.action = named.action AND {where}
            ORDER BY time DESC, sequence DESC LIMIT :size
        ) AS found
    """  # noqa: S608 (as above)


def _head(rows: db.Rows) -> tuple[int, bytes]:
    return (rows[0].sequence, bytes(rows[0].hash)) if rows else (0, FIRST)


def _keys(rows: db.Rows) -> dict[Subject, Sealed]:
    return {(it.subject_type, it.subject_id): (it.id, bytes(it.sealed_key)) for it in rows}


def _subjects(rows: db.Rows) -> set[Subject]:
    return {(it.subject_type, it.subject_id) for it in rows}


def _kept(row: RowMapping) -> Kept:
    columns: dict[str, Any] = {str(name): value for name, value in row.items()}
    named = {name: columns[name] for name in Entry.__dataclass_fields__}
    for name in ("sealed", "previous_hash"):
        named[name] = bytes(named[name]) if named[name] is not None else None
    sealed_key = columns["sealed_key"]
    return Kept(
        entry=Entry(**named),
        hash=bytes(columns["hash"]),
        sealed_key=bytes(sealed_key) if sealed_key is not None else None,
    )


_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('accounts audit chain'))")
_HEAD = text("SELECT sequence, hash FROM audit_entries ORDER BY sequence DESC LIMIT 1")
_KNOWN = text("SELECT id FROM audit_entries WHERE id = ANY (CAST(:ids AS text[]))")
_KEYS = text("""
    SELECT k.subject_type, k.subject_id, k.id, k.sealed_key
    FROM unnest(CAST(:types AS text[]), CAST(:ids AS text[])) AS named (type, id)
    JOIN audit_keys k ON k.subject_type = named.type AND k.subject_id = named.id
    WHERE k.destroy_time IS NULL
""")
_ERASED = text("""
    SELECT e.subject_type, e.subject_id
    FROM unnest(CAST(:types AS text[]), CAST(:ids AS text[])) AS named (type, id)
    JOIN erased_subjects e ON e.subject_type = named.type AND e.subject_id = named.id
""")
_ADD_KEYS = text("""
    INSERT INTO audit_keys (id, subject_type, subject_id, sealed_key)
    SELECT * FROM unnest(
        CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:subjects AS text[]),
        CAST(:sealed AS bytea[])
    )
""")
