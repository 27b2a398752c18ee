"""What of a contact is sealed in its row: the description, under keys that the session carries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import sealing
from chassis.sealing import Keys
from services.leads.domain.contact import Contact
from services.leads.storage import recordset
from services.leads.storage.tables import contacts

CARRIED = "field_keys"
"""Under which a session has its keys."""

_NONE = Keys()


@dataclass(frozen=True)
class Row:
    """What is sealed of one contact, as it is stored."""

    id: UUID
    description: str


def closed(session: AsyncSession, written: Iterable[Contact]) -> list[Contact]:
    """Return contacts as they are stored."""
    keys = _keys(session)
    if not keys.newest:
        return list(written)
    return [_with(it, keys.seal(it.profile.description, _place(it.id))) for it in written]


def opened(session: AsyncSession, read: Contact) -> Contact:
    """Return a contact as it is known; raises `SealBroken` for one that was tampered with."""
    description = read.profile.description
    if not description.startswith(sealing.MARK):
        return read
    return _with(read, _keys(session).open(description, _place(read.id)))


async def lock_behind(
    session: AsyncSession, newest: str, after: UUID | None, most: int
) -> Sequence[Row]:
    """Return descriptions that the newest key did not seal, by id; locks their rows for update."""
    c = contacts.c
    current = f"{sealing.MARK}{newest}{sealing.MARK}"
    query = select(c.id, c.description).where(
        c.description != "", func.left(c.description, len(current)) != current
    )
    if after is not None:
        query = query.where(c.id > after)
    rows = await session.execute(query.order_by(c.id).limit(most).with_for_update())
    return [Row(it.id, it.description) for it in rows]


async def reseal(session: AsyncSession, keys: Keys, rows: Sequence[Row]) -> None:
    """Store rows that the caller has locked under the newest key; nothing else of them changes."""
    sealed = [
        {"id": it.id, "description": keys.seal(keys.open(it.description, place), place)}
        for it, place in ((it, _place(it.id)) for it in rows)
    ]
    await recordset.run(session, _RESEAL, sealed)


async def counts(session: AsyncSession) -> Mapping[str, int]:
    """Return how many descriptions each key has sealed; under an empty id those that are plain."""
    c = contacts.c
    sealed = func.left(c.description, 1) == sealing.MARK
    key = case((sealed, func.split_part(c.description, sealing.MARK, 2)), else_="")
    query = select(key.label("key"), func.count().label("n")).where(c.description != "")
    return {it.key: it.n for it in await session.execute(query.group_by("key"))}


def _keys(session: AsyncSession) -> Keys:
    found: Keys = session.info.get(CARRIED, _NONE)
    return found


def _place(contact_id: UUID) -> str:
    """What a value belongs to: the table, the column and the row."""
    return f"contacts/description/{contact_id}"


def _with(it: Contact, description: str) -> Contact:
    return replace(it, profile=replace(it.profile, description=description))


_RESEAL = recordset.update_statement("contacts", ["description"])
