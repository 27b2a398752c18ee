"""The ledger of consents, which only grows, and the state that follows from it.

Whoever writes here has locked the contact, so that a gift and a withdrawal never cross.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.leads.domain.consent import WITHDRAWABLE, Action, Entry
from services.leads.domain.contact import Channel, Purpose
from services.leads.storage import recordset
from services.leads.storage.tables import consent_entries

Key = tuple[object, ...]


async def give(session: AsyncSession, entries: Sequence[Entry]) -> set[UUID]:
    """Add consents and return the ids of those that were new; up to 1,000 at once.

    An entry that the ledger has already (same person, scope, time and evidence) is not added
    again. A consent older than a withdrawal that covers it is kept but is not in force.
    """
    if not entries:
        return set()
    rows = recordset.dumps([_row(it) for it in entries])
    added = set(await session.scalars(_ADD_NEW, {"rows": rows}))
    if added:
        kept = recordset.dumps([_row(it) for it in entries if it.id in added])
        await session.execute(_GIVE, {"rows": kept})
    return added


async def same_entry(session: AsyncSession, entry: Entry) -> Entry | None:
    """Return the ledger's entry that says the same as this one; locks nothing."""
    c = consent_entries.c
    query = select(consent_entries).where(
        c.contact_id == entry.contact_id,
        c.advertiser_id == entry.advertiser_id,
        c.purpose == entry.purpose,
        c.channel == entry.channel,
        c.action == entry.action,
        c.time == entry.time,
        c.evidence == entry.evidence,
    )
    row = (await session.execute(query.limit(1))).first()
    return _entry(row) if row else None


async def withdraw(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Add withdrawals and take what they cover out of force."""
    await recordset.run(session, _ADD, [_row(it) for it in entries])
    await recordset.run(session, _WITHDRAW, [_row(it) for it in entries])


async def not_yet_withdrawn(
    session: AsyncSession,
    contact_ids: Collection[UUID],
    *,
    channel: Channel,
    advertiser_id: UUID | None,
    purpose: Purpose | None,
) -> list[UUID]:
    """Return the contacts for whom a withdrawal of this scope would say something new.

    For the others the ledger has one that covers it, and no consent within it is in force.
    Locks those contacts for update in the order of their ids.
    """
    found = await session.scalars(
        _NOT_YET_WITHDRAWN,
        {
            "ids": list(contact_ids),
            "channel": channel,
            "advertiser_id": advertiser_id,
            "purpose": purpose or 0,
            "withdrawable": [int(it) for it in sorted(WITHDRAWABLE)],
        },
    )
    return list(found)


async def page(
    session: AsyncSession, contact_id: UUID, page: Page
) -> tuple[list[Entry], Key | None]:
    """Return a page of a contact's ledger, newest first, and where the next one starts."""
    c = consent_entries.c
    query = select(consent_entries).where(c.contact_id == contact_id)
    query = query.order_by(c.record_time.desc(), c.id.desc())
    if page.after:
        query = query.where(tuple_(c.record_time, c.id) < page.after)
    rows = (await session.execute(query.limit(page.size + 1))).all()
    shown = [_entry(it) for it in rows[: page.size]]
    return shown, ((shown[-1].record_time, shown[-1].id) if len(rows) > page.size else None)


def _row(it: Entry) -> dict[str, object]:
    return {**vars(it), "purpose": it.purpose or 0}


def _entry(it: object) -> Entry:
    values = dict(it._mapping)  # type: ignore[attr-defined]
    values["purpose"] = Purpose(values["purpose"]) if values["purpose"] else None
    values["channel"] = Channel(values["channel"])
    values["action"] = Action(values["action"])
    return Entry(**values)


_ROWS = "json_populate_recordset(CAST(NULL AS consent_entries), CAST(:rows AS json))"
_COLUMNS = ", ".join(it.name for it in consent_entries.columns)
_ADD = recordset.insert_statement("consent_entries", [it.name for it in consent_entries.columns])
_ADD_NEW = text(f"""
    INSERT INTO consent_entries ({_COLUMNS})
    SELECT DISTINCT ON (contact_id, advertiser_id, purpose, channel, time, evidence) {_COLUMNS}
    FROM {_ROWS} AS r
    WHERE NOT EXISTS (
        SELECT FROM consent_entries AS known
        WHERE known.contact_id = r.contact_id AND known.advertiser_id = r.advertiser_id
          AND known.purpose = r.purpose AND known.channel = r.channel
          AND known.action = r.action AND known.time = r.time AND known.evidence = r.evidence
    )
    ORDER BY contact_id, advertiser_id, purpose, channel, time, evidence, id
    RETURNING id
""")  # noqa: S608 (our own names)
# A withdrawal without purpose covers all but 3, TRANSACTIONAL.
_COVERS = """
    w.contact_id = r.contact_id AND w.action = 2 AND w.channel = r.channel
    AND (w.advertiser_id IS NULL OR w.advertiser_id = r.advertiser_id)
    AND (w.purpose = r.purpose OR (w.purpose = 0 AND r.purpose <> 3))
"""
_GIVE = text(f"""
    INSERT INTO consent_states AS s
        (contact_id, advertiser_id, purpose, channel, given, time, entry_id)
    SELECT DISTINCT ON (r.contact_id, r.advertiser_id, r.purpose, r.channel)
        r.contact_id, r.advertiser_id, r.purpose, r.channel,
        NOT EXISTS (SELECT FROM consent_entries AS w WHERE {_COVERS} AND w.time >= r.time),
        r.time, r.id
    FROM {_ROWS} AS r
    ORDER BY r.contact_id, r.advertiser_id, r.purpose, r.channel, r.time DESC
    ON CONFLICT (contact_id, advertiser_id, purpose, channel) DO UPDATE
    SET given = excluded.given, time = excluded.time, entry_id = excluded.entry_id
    WHERE excluded.time >= s.time
""")  # noqa: S608 (our own names)
_WITHDRAW = text(f"""
    UPDATE consent_states AS s
    SET given = false, time = r.time, entry_id = r.id
    FROM {_ROWS} AS r
    WHERE s.contact_id = r.contact_id AND s.channel = r.channel AND s.time <= r.time
      AND (r.advertiser_id IS NULL OR s.advertiser_id = r.advertiser_id)
      AND (s.purpose = r.purpose OR (r.purpose = 0 AND s.purpose <> 3))
""")  # noqa: S608 (our own names)
_NOT_YET_WITHDRAWN = text("""
    SELECT c.id FROM contacts AS c
    WHERE c.id = ANY(:ids) AND (
        EXISTS (
            SELECT FROM consent_states AS s
            WHERE s.contact_id = c.id AND s.channel = :channel AND s.given
              AND (CAST(:advertiser_id AS uuid) IS NULL OR s.advertiser_id = :advertiser_id)
              AND (s.purpose = :purpose
                   OR (:purpose = 0 AND s.purpose = ANY(CAST(:withdrawable AS smallint[]))))
        )
        OR NOT EXISTS (
            SELECT FROM consent_entries AS w
            WHERE w.contact_id = c.id AND w.action = 2 AND w.channel = :channel
              AND (w.advertiser_id IS NULL OR w.advertiser_id = :advertiser_id)
              AND (w.purpose = :purpose OR (w.purpose = 0 AND :purpose <> 3))
        )
    )
    ORDER BY c.id
    FOR UPDATE OF c
""")
