"""What of a contact is sealed in its row: the description, under keys that the session carries."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from sqlalchemy import case, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import sealing
from chassis.sealing import Keys
from services.leads.domain import unreadable
from services.leads.domain.contact import Contact
from services.leads.storage import recordset
from services.leads.storage.tables import contacts

CARRIED = "field_keys"
"""Under which a session has its keys."""

_NONE = Keys()

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Row:
    """What is sealed of one contact, as it is stored; `import_id` of what a dry run would make."""

    id: UUID
    description: str
    import_id: UUID | None = None


def closed(session: AsyncSession, written: Iterable[Contact]) -> list[Contact]:
    """Return contacts as they are stored; what could not be opened stays as it was."""
    keys = _keys(session)
    if not keys.newest:
        return list(written)
    return [
        it
        if unreadable.is_so(it.profile.description)
        else _with(it, keys.seal(it.profile.description, _place(it.id)))
        for it in written
    ]


def opened(session: AsyncSession, read: Contact) -> Contact:
    """Return a contact as it is known.

    One whose description does not open keeps it as it lies: the rest of the contact is read,
    changed and deleted as ever.
    """
    description = read.profile.description
    if not unreadable.is_so(description):
        return read
    try:
        return _with(read, _keys(session).open(description, _place(read.id)))
    except sealing.SealBroken as broken:
        log.error("sealed_unreadable", contact_id=str(read.id), why=str(broken))
        return read


async def lock_behind(
    session: AsyncSession, newest: str, after: UUID | None, most: int
) -> Sequence[Row]:
    """Return descriptions that the newest key did not seal, by id; locks their rows for update."""
    c = contacts.c
    current = _by(newest)
    query = select(c.id, c.description).where(
        c.description != "", func.left(c.description, len(current)) != current
    )
    if after is not None:
        query = query.where(c.id > after)
    rows = await session.execute(query.order_by(c.id).limit(most).with_for_update())
    return [Row(it.id, it.description) for it in rows]


async def lock_shadows_behind(
    session: AsyncSession, newest: str, after: Row | None, most: int
) -> Sequence[Row]:
    """As `lock_behind`, of what dry runs would have made, by import and contact."""
    given = {
        "current": _by(newest),
        "import": after.import_id if after else UUID(int=0),
        "contact": after.id if after else UUID(int=0),
        "most": most,
    }
    rows = await session.execute(_SHADOWS_BEHIND, given)
    return [Row(it.contact_id, it.description, it.import_id) for it in rows]


async def reseal(session: AsyncSession, keys: Keys, rows: Sequence[Row]) -> int:
    """Store rows that the caller has locked under the newest key; nothing else of them changes.

    Returns how many: those that do not open are left.
    """
    sealed: list[dict[str, object]] = []
    for it in rows:
        place = _place(it.id)
        try:
            description = keys.seal(keys.open(it.description, place), place)
        except sealing.SealBroken:
            continue
        sealed.append({"id": it.id, "import_id": it.import_id, "description": description})
    await recordset.run(session, _RESEAL, [it for it in sealed if it["import_id"] is None])
    await recordset.run(session, _RESEAL_SHADOWS, [it for it in sealed if it["import_id"]])
    return len(sealed)


async def counts(session: AsyncSession) -> Mapping[str, int]:
    """Return how many descriptions each key has sealed; under an empty id those that are plain.

    Those of dry runs are among them.
    """
    c = contacts.c
    sealed = func.left(c.description, 1) == sealing.MARK
    key = case((sealed, func.split_part(c.description, sealing.MARK, 2)), else_="")
    query = select(key.label("key"), func.count().label("n")).where(c.description != "")
    found: Counter[str] = Counter()
    for rows in (
        await session.execute(query.group_by("key")),
        await session.execute(_SHADOW_COUNTS, {"mark": sealing.MARK}),
    ):
        found.update({it.key: it.n for it in rows})
    return found


def _keys(session: AsyncSession) -> Keys:
    found: Keys = session.info.get(CARRIED, _NONE)
    return found


def _by(newest: str) -> str:
    return f"{sealing.MARK}{newest}{sealing.MARK}"


def _place(contact_id: UUID) -> str:
    """What a value belongs to: the table, the column and the row."""
    return f"contacts/description/{contact_id}"


def _with(it: Contact, description: str) -> Contact:
    return replace(it, profile=replace(it.profile, description=description))


_RESEAL = recordset.update_statement("contacts", ["description"])
_SHADOWS_BEHIND = text("""
    SELECT import_id, contact_id, row->>'description' AS description FROM import_shadows
    WHERE coalesce(row->>'description', '') <> ''
      AND left(row->>'description', length(CAST(:current AS text))) <> CAST(:current AS text)
      AND (import_id, contact_id) > (:import, :contact)
    ORDER BY import_id, contact_id LIMIT :most FOR UPDATE
""")
_RESEAL_SHADOWS = text("""
    UPDATE import_shadows AS s
    SET row = jsonb_set(s.row::jsonb, '{description}', to_jsonb(r.description))::json
    FROM json_to_recordset(CAST(:rows AS json))
        AS r (id uuid, import_id uuid, description text)
    WHERE s.import_id = r.import_id AND s.contact_id = r.id
""")
_SHADOW_COUNTS = text("""
    SELECT key, count(*) AS n FROM (
        SELECT CASE WHEN left(row->>'description', 1) = :mark
               THEN split_part(row->>'description', :mark, 2) ELSE '' END AS key
        FROM import_shadows WHERE coalesce(row->>'description', '') <> '') AS told
    GROUP BY key
""")
