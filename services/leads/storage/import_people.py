"""People that an import meets: those stored, and, in a dry run, those it would have stored.

A dry run writes shadows of contacts instead of contacts, read back through the same columns, so
that both runs decide alike; a shadow stands in front of the contact of its id.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from chassis.scope import EVERYTHING
from services.leads.domain.contact import Channel, Contact, ExternalId
from services.leads.storage import contact_rows, contacts, recordset, sealed

Key = tuple[str, str]


def keys(contact: Contact) -> list[Key]:
    """Return what a person is found by: (kind, key) pairs."""
    profile = contact.profile
    return [
        *(("phone", it.key) for it in profile.phones),
        *(("email", it.key) for it in profile.emails),
        *((f"id:{it.system}", it.id) for it in profile.external_ids),
    ]


async def find(
    session: AsyncSession, wanted: Collection[Key], shadowed: UUID | None
) -> dict[Key, list[UUID]]:
    """Return the ids of the people that have each key; `shadowed` names a dry run."""
    found: dict[Key, list[UUID]] = {}
    for kind, channel in (("phone", Channel.SMS), ("email", Channel.EMAIL)):
        some = [key for each, key in wanted if each == kind]
        for key, ids in (await contacts.by_address(session, channel, some)).items():
            found.setdefault((kind, key), []).extend(ids)
    external = [ExternalId(kind[3:], key) for kind, key in wanted if kind.startswith("id:")]
    for it, contact_id in (await contacts.taken_external_ids(session, external)).items():
        found.setdefault((f"id:{it.system}", it.id), []).append(contact_id)
    if shadowed and wanted:
        rows = recordset.dumps([{"kind": kind, "key": key} for kind, key in wanted])
        for row in await session.execute(_SHADOW_KEYS, {"id": shadowed, "rows": rows}):
            found.setdefault((row.kind, row.key), []).append(row.contact_id)
    return {key: list(dict.fromkeys(ids)) for key, ids in found.items()}


async def load(
    session: AsyncSession, ids: Collection[UUID], shadowed: UUID | None
) -> dict[UUID, Contact]:
    """Return the people by id; locked for update in the order of their ids unless shadowed."""
    if not ids:
        return {}
    if shadowed is None:
        return await contacts.lock(session, ids, EVERYTHING)
    found = {it.id: it for it in await contacts.batch_get(session, ids, EVERYTHING)}
    for row in await session.execute(_SHADOWS, {"id": shadowed, "ids": list(ids)}):
        found[row.id] = sealed.opened(session, contact_rows.contact(row))
    return found


async def shadow(session: AsyncSession, import_id: UUID, people: Sequence[Contact]) -> None:
    """Keep what a dry run would have stored."""
    rows = [
        {"import_id": import_id, "contact_id": it.id, "row": contact_rows.row(it)}
        for it in sealed.closed(session, people)
    ]
    await recordset.run(session, _ADD_SHADOWS, rows)
    found_by = [
        {"import_id": import_id, "kind": kind, "key": key, "contact_id": it.id}
        for it in people
        for kind, key in keys(it)
    ]
    await recordset.run(session, _ADD_SHADOW_KEYS, found_by)


async def known_prints(
    session: AsyncSession, prints: Collection[bytes], shadowed: UUID | None
) -> dict[bytes, tuple[UUID, UUID]]:
    """Return (contact, import) of the rows that were applied before, of contacts that are left."""
    asked = {"prints": arrays.raw_uuids(prints)}
    rows = (await session.execute(_PRINTS, asked)).all()
    there = await contacts.existing(session, {it.contact_id for it in rows}, EVERYTHING)
    found = {it.print.bytes: (it.contact_id, it.import_id) for it in rows if it.contact_id in there}
    if shadowed and prints:
        keys = recordset.dumps([{"kind": "print", "key": it.hex()} for it in prints])
        for row in await session.execute(_SHADOW_KEYS, {"id": shadowed, "rows": keys}):
            found[bytes.fromhex(row.key)] = (row.contact_id, shadowed)
    return found


async def keep_prints(
    session: AsyncSession, import_id: UUID, prints: Mapping[bytes, UUID], *, dry_run: bool
) -> None:
    """Remember that these rows were (in a dry run: would have been) applied."""
    if dry_run:
        rows = [
            {"import_id": import_id, "kind": "print", "key": key.hex(), "contact_id": contact_id}
            for key, contact_id in prints.items()
        ]
        await recordset.run(session, _ADD_SHADOW_KEYS, rows)
    elif prints:
        values = {
            "prints": arrays.raw_uuids(prints),
            "ids": arrays.uuids(prints.values()),
            "import_id": import_id,
        }
        await session.execute(_ADD_PRINTS, values)


_READ = ", ".join(f"c.{it.name}" for it in contact_rows.READ)
_SHADOW_KEYS = text("""
    SELECT k.kind, k.key, k.contact_id
    FROM json_populate_recordset(CAST(NULL AS import_shadow_keys), CAST(:rows AS json)) AS r
    JOIN import_shadow_keys AS k ON k.import_id = :id AND k.kind = r.kind AND k.key = r.key
    ORDER BY k.contact_id
""")
_SHADOWS = text(f"""
    SELECT {_READ}
    FROM import_shadows AS s, json_populate_record(CAST(NULL AS contacts), s.row) AS c
    WHERE s.import_id = :id AND s.contact_id = ANY(:ids)
""")  # noqa: S608 (our own names)
_ADD_SHADOWS = recordset.insert_statement(
    "import_shadows",
    ["import_id", "contact_id", "row"],
    on_conflict="ON CONFLICT (import_id, contact_id) DO UPDATE SET row = excluded.row",
)
_ADD_SHADOW_KEYS = recordset.insert_statement(
    "import_shadow_keys",
    ["import_id", "kind", "key", "contact_id"],
    on_conflict="ON CONFLICT DO NOTHING",
)
_PRINTS = text("""
    SELECT print, contact_id, import_id FROM import_prints
    WHERE print = ANY(CAST(:prints AS uuid[]))
""")
_ADD_PRINTS = text("""
    INSERT INTO import_prints (print, contact_id, import_id)
    SELECT print, contact_id, :import_id
    FROM unnest(CAST(:prints AS uuid[]), CAST(:ids AS uuid[])) AS applied (print, contact_id)
    ON CONFLICT (print) DO UPDATE
    SET contact_id = excluded.contact_id, import_id = excluded.import_id
""")
