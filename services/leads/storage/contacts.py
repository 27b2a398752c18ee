"""Contacts: reading, locking, and writing up to hundreds in one statement."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import ColumnElement, any_, bindparam, cast, delete, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text, Uuid

from chassis import db
from chassis.db import arrays
from chassis.errors import AlreadyExists
from chassis.scope import Scope
from services.leads.domain import text as folding
from services.leads.domain.contact import Channel, Contact, ExternalId
from services.leads.storage import (
    contact_lines,
    contact_rows,
    copying,
    owned,
    recordset,
    sealed,
)
from services.leads.storage.tables import (
    consent_states,
    contact_addresses,
    contact_external_ids,
    contact_imports,
    contacts,
)

_READ = select(*contact_rows.READ)


async def get(session: AsyncSession, contact_id: UUID, scope: Scope) -> Contact | None:
    """Return a contact within reach; locks nothing."""
    found = await session.execute(_READ.where(contacts.c.id == contact_id, owned.contacts(scope)))
    row = found.first()
    return sealed.opened(session, contact_rows.contact(row)) if row else None


async def lock(
    session: AsyncSession, contact_ids: Collection[UUID], scope: Scope
) -> dict[UUID, Contact]:
    """Return the contacts within reach by id, locked for update in the order of their ids."""
    query = (
        _READ.where(_among(contact_ids), owned.contacts(scope))
        .order_by(contacts.c.id)
        .with_for_update()
    )
    found = [contact_rows.contact(it) for it in await session.execute(query)]
    return {it.id: sealed.opened(session, it) for it in found}


async def batch_get(
    session: AsyncSession, contact_ids: Collection[UUID], scope: Scope
) -> list[Contact]:
    """Return those of the contacts that exist within reach; locks nothing."""
    query = _READ.where(_among(contact_ids), owned.contacts(scope))
    rows = await session.execute(query)
    return [sealed.opened(session, contact_rows.contact(it)) for it in rows]


async def existing(session: AsyncSession, contact_ids: Collection[UUID], scope: Scope) -> set[UUID]:
    """Return those of the ids that contacts within reach have; locks nothing."""
    if not contact_ids:
        return set()
    query = select(contacts.c.id).where(_among(contact_ids), owned.contacts(scope))
    return set(await session.scalars(query))


async def new_codes(session: AsyncSession, count: int) -> list[str]:
    """Return reference codes that no contact has; somebody may have brought some like ours."""
    found: list[str] = []
    while missing := count - len(found):
        numbers = await session.scalars(_NEW_NUMBERS, {"count": missing})
        codes = [f"C{number:08d}" for number in numbers]
        taken = await taken_codes(session, codes)
        found += [it for it in codes if it.lower() not in taken]
    return found


async def taken_codes(session: AsyncSession, codes: Collection[str]) -> dict[str, UUID]:
    """Return who has which of the reference codes (compared, and returned, in lower case)."""
    lowered = sorted({it.lower() for it in codes})
    found = await session.execute(_TAKEN_CODES, {"codes": arrays.texts(lowered)})
    return {it.code: it.id for it in found}


async def taken_external_ids(
    session: AsyncSession, ids: Collection[ExternalId]
) -> dict[ExternalId, UUID]:
    """Return who has which of the external ids."""
    if not ids:
        return {}
    plain = [{"system": it.system, "external_id": it.id} for it in ids]
    found = await session.execute(_TAKEN_EXTERNAL_IDS, {"rows": recordset.dumps(plain)})
    return {ExternalId(it.system, it.external_id): it.contact_id for it in found}


async def by_address(
    session: AsyncSession, channel: Channel, keys: Collection[str]
) -> dict[str, list[UUID]]:
    """Return the ids of the contacts that have each normalised address, oldest first."""
    found: dict[str, list[UUID]] = {}
    values = {"channel": channel, "keys": arrays.texts(keys)}
    for key, contact_id in await session.execute(_BY_ADDRESS, values) if keys else ():
        found.setdefault(key, []).append(contact_id)
    return found


async def insert(session: AsyncSession, new: Sequence[Contact]) -> None:
    """Store new contacts with what they are found by; up to 500 at once.

    Raises `AlreadyExists` when a reference code or external id is another contact's.
    """
    with _clashes_named():
        rows = [contact_rows.row(it) for it in sealed.closed(session, new)]
        await recordset.run(session, _INSERT, rows)
        await _index(session, new)


async def insert_many(session: AsyncSession, new: Sequence[Contact]) -> None:
    """As `insert`, by COPY, for up to 1,000."""
    with _clashes_named():
        search = await _folded(session, [contact_rows.search_text(it.profile) for it in new])
        stored = sealed.closed(session, new)
        lines = [contact_lines.line(*each) for each in zip(stored, search, strict=True)]
        await copying.write(session, contacts, lines)
        await copying.write(session, contact_addresses, contact_lines.addresses(new))
        await copying.write(session, contact_external_ids, contact_lines.external_ids(new))


async def merge_search(session: AsyncSession) -> None:
    """Merge into the search index what waits beside it; others may read and write meanwhile."""
    await db.allow(session, _MERGE_SECONDS)
    await session.execute(_MERGE_SEARCH)


async def _folded(session: AsyncSession, written: Sequence[str]) -> list[str]:
    """Return texts folded; the database is asked for those with letters that are not ours."""
    folded = [folding.fold_surely(it) for it in written]
    others = [it for it, sure in zip(written, folded, strict=True) if sure is None]
    if not others:
        return [it or "" for it in folded]
    found = await session.execute(_FOLD, {"texts": arrays.texts(others)})
    known = {it.written: it.folded for it in found}
    pairs = zip(written, folded, strict=True)
    return [known[it] if sure is None else sure for it, sure in pairs]


async def update(session: AsyncSession, changed: Sequence[Contact]) -> None:
    """Store contacts that the caller has locked, as they are now; up to 500 at once.

    Raises `AlreadyExists` when a reference code or external id is another contact's.
    """
    if not changed:
        return
    ids = [it.id for it in changed]
    with _clashes_named():
        rows = [contact_rows.row(it) for it in sealed.closed(session, changed)]
        await recordset.run(session, _UPDATE, rows)
        for table in (contact_addresses, contact_external_ids):
            await session.execute(delete(table).where(table.c.contact_id.in_(ids)))
        await _index(session, changed)


async def update_state(session: AsyncSession, changed: Sequence[Contact]) -> None:
    """As `update`, when nothing changed that contacts are found by."""
    await recordset.run(session, _UPDATE_STATE, [contact_rows.row(it) for it in changed])


async def remove(session: AsyncSession, gone: Contact, revision: int, now: datetime) -> None:
    """Delete a contact that the caller has locked and leave its tombstone.

    Its ledger of consents, moves and transactions stays; nothing is consented any more.
    """
    for table in (contact_addresses, contact_external_ids, contact_imports, consent_states):
        await session.execute(delete(table).where(table.c.contact_id == gone.id))
    await session.execute(delete(contacts).where(contacts.c.id == gone.id))
    values = {"contact_id": gone.id, "revision": revision, "delete_time": now}
    await session.execute(_TOMBSTONE, values)


async def note_import(session: AsyncSession, import_id: UUID, ids: Sequence[UUID]) -> None:
    """Remember that these contacts were created or changed by an import."""
    if ids:
        await session.execute(_NOTE_IMPORT, {"import_id": import_id, "ids": arrays.uuids(ids)})


def _among(contact_ids: Collection[UUID]) -> ColumnElement[bool]:
    ids = bindparam("ids", arrays.uuids(contact_ids), Text, unique=True)
    return contacts.c.id == any_(cast(ids, ARRAY(Uuid)))


async def _index(session: AsyncSession, written: Sequence[Contact]) -> None:
    await recordset.run(session, _INSERT_ADDRESSES, contact_rows.address_rows(written))
    await recordset.run(session, _INSERT_EXTERNAL_IDS, contact_rows.external_id_rows(written))


@contextmanager
def _clashes_named() -> Iterator[None]:
    """Say which field another contact has already; the transaction is lost then."""
    try:
        yield
    except (IntegrityError, UniqueViolation) as clash:
        said = str(getattr(clash, "orig", clash))
        field = next((name for key, name in _UNIQUE.items() if key in said), None)
        if field is None:
            raise
        raise AlreadyExists(
            "RESOURCE_EXISTS", f"another contact has this {field}", resource="contact", field=field
        ) from None


_MERGE_SECONDS = 120
_MERGE_SEARCH = text("SELECT gin_clean_pending_list('contacts_search')")
_UNIQUE = {"contacts_code": "reference_code", "contact_external_ids_pkey": "external_ids"}
_FOLDED = ("search_text",)
_NEVER_CHANGED = ("id", "create_time")
_STATE = ("revision", "kind", "status", "lost_reason", "life_stage_id", "score")
_INSERT = recordset.insert_statement("contacts", contact_rows.COLUMNS, folded=_FOLDED)
_UPDATE = recordset.update_statement(
    "contacts", [it for it in contact_rows.COLUMNS if it not in _NEVER_CHANGED], folded=_FOLDED
)
_BECAME = ("update_time", "convert_time", "conversion", "passed_stage_ids")
_UPDATE_STATE = recordset.update_statement("contacts", [*_STATE, *_BECAME])
_INSERT_ADDRESSES = recordset.insert_statement(
    "contact_addresses", ["channel", "key", "contact_id"]
)
_INSERT_EXTERNAL_IDS = recordset.insert_statement(
    "contact_external_ids", ["system", "external_id", "contact_id"]
)
_NOTE_IMPORT = text("""
    INSERT INTO contact_imports (import_id, contact_id)
    SELECT :import_id, id FROM unnest(CAST(:ids AS uuid[])) AS noted (id)
    ON CONFLICT DO NOTHING
""")
_FOLD = text("""
    SELECT DISTINCT written, fold(written) AS folded
    FROM unnest(CAST(:texts AS text[])) AS it (written)
""")
_NEW_NUMBERS = text("SELECT nextval('reference_codes') FROM generate_series(1, :count)")
_BY_ADDRESS = text("""
    SELECT key, contact_id FROM contact_addresses
    WHERE channel = :channel AND key = ANY(CAST(:keys AS text[]))
    ORDER BY contact_id
""")
_TAKEN_CODES = text("""
    SELECT lower(reference_code) AS code, id FROM contacts
    WHERE lower(reference_code) = ANY(CAST(:codes AS text[]))
""")
_TAKEN_EXTERNAL_IDS = text("""
    SELECT e.system, e.external_id, e.contact_id
    FROM json_populate_recordset(CAST(NULL AS contact_external_ids), CAST(:rows AS json)) AS r
    JOIN contact_external_ids AS e USING (system, external_id)
""")
_TOMBSTONE = text("""
    INSERT INTO contact_tombstones (contact_id, revision, delete_time)
    VALUES (:contact_id, :revision, :delete_time)
""")
