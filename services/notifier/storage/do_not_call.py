"""Numbers that must not get advertising: lists that others keep, and how fresh ours are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays


@dataclass(frozen=True, slots=True)
class List:
    """A list: how many numbers it has, and as of when it is complete (None: never told)."""

    name: str
    as_of: datetime | None
    entries: int
    updated_at: datetime


def ask_listed(
    names: Iterable[str], address_keys: Sequence[str]
) -> db.Ask[dict[str, frozenset[str]]]:
    """Which of the numbers are on which list; locks nothing."""
    given = {"names": arrays.texts(names), "keys": arrays.texts(address_keys)}
    return db.Ask(_LISTED, given, _by_list)


async def lists(session: AsyncSession) -> list[List]:
    """All lists, by name; locks nothing."""
    return await db.ask(session, ask_lists())


def ask_lists() -> db.Ask[list[List]]:
    """As `lists`."""
    return db.Ask(_LISTS, {}, lambda found: [List(*row) for row in found])


async def lock(session: AsyncSession, name: str) -> List:
    """One list, made if it is not there; locked until the end of the transaction."""
    await session.execute(_MAKE, {"name": name})
    return List(*(await session.execute(_LOCK, {"name": name})).one())


async def add(session: AsyncSession, name: str, keys: Sequence[str], edition: str) -> int:
    """Adds numbers, or marks them as of this edition; returns how many are new. Lock before."""
    found = await session.execute(
        _ADD, {"name": name, "keys": arrays.texts(sorted(set(keys))), "edition": edition}
    )
    return sum(row.is_new for row in found)


async def remove(session: AsyncSession, name: str, keys: Sequence[str]) -> int:
    """Takes numbers off; returns how many were on it. Lock before."""
    given = {"name": name, "keys": arrays.texts(sorted(set(keys)))}
    return len((await session.execute(_REMOVE, given)).all())


async def keep_edition(session: AsyncSession, name: str, edition: str) -> int:
    """Takes off all that an edition does not have; returns how many. Lock before."""
    return len((await session.execute(_KEEP, {"name": name, "edition": edition})).all())


async def note(session: AsyncSession, name: str, as_of: datetime | None, change: int) -> List:
    """Notes how many more numbers there are, and a later time as of which the list is complete."""
    given = {"name": name, "as_of": as_of, "change": change}
    return List(*(await session.execute(_NOTE, given)).one())


def _by_list(found: db.Rows) -> dict[str, frozenset[str]]:
    keys: dict[str, set[str]] = {}
    for row in found:
        keys.setdefault(row.list, set()).add(row.address_key)
    return {name: frozenset(some) for name, some in keys.items()}


_COLUMNS = "name, as_of, entries, updated_at"
_LISTED = text("""
    SELECT list, address_key FROM do_not_call
    WHERE address_key = ANY(CAST(:keys AS text[])) AND list = ANY(CAST(:names AS text[]))
""")
_LISTS = text(f"SELECT {_COLUMNS} FROM do_not_call_lists ORDER BY name")  # noqa: S608
_MAKE = text("INSERT INTO do_not_call_lists (name) VALUES (:name) ON CONFLICT DO NOTHING")
_LOCK = text(
    f"SELECT {_COLUMNS} FROM do_not_call_lists WHERE name = :name FOR UPDATE"  # noqa: S608
)
_ADD = text("""
    INSERT INTO do_not_call AS d (address_key, list, edition)
    SELECT key, :name, :edition FROM unnest(CAST(:keys AS text[])) AS key
    ON CONFLICT (address_key, list) DO UPDATE SET edition = excluded.edition
    WHERE d.edition <> excluded.edition
    RETURNING xmax = 0 AS is_new
""")
_REMOVE = text("""
    DELETE FROM do_not_call WHERE list = :name AND address_key = ANY(CAST(:keys AS text[]))
    RETURNING 1
""")
_KEEP = text("DELETE FROM do_not_call WHERE list = :name AND edition <> :edition RETURNING 1")
_NOTE = text(f"""
    UPDATE do_not_call_lists SET as_of = greatest(as_of, CAST(:as_of AS timestamptz)),
        entries = entries + :change, updated_at = now()
    WHERE name = :name
    RETURNING {_COLUMNS}
""")  # noqa: S608
