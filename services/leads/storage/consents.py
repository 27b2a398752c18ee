"""The ledger of consents, which only grows, and the state that follows from it.

Whoever writes here has locked the contact, so that a gift and a withdrawal never cross.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from chassis.db.paging import Page
from services.leads.domain import consent
from services.leads.domain.consent import Action, Entry, Grant
from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.my_consents import Said
from services.leads.storage import copying, recordset
from services.leads.storage.tables import consent_entries, consent_states

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
    await _settle(session, {it.contact_id for it in entries if it.id in added})
    return added


async def grant_to_new(session: AsyncSession, grants: Sequence[Grant]) -> None:
    """Add what people agreed to whose ledger is empty, one grant for each."""
    masks = {
        (it.purposes, it.channels): (consent.bits(it.purposes), consent.bits(it.channels))
        for it in grants
    }
    advertisers = {it: it.hex for it in {it.advertiser_id for it in grants}}
    recorded = {it: it.isoformat() for it in {it.record_time for it in grants}}
    entries, states = [], []
    for it in grants:
        purposes, channels = masks[it.purposes, it.channels]
        person, advertiser = it.contact_id.hex, advertisers[it.advertiser_id]
        entries.append(
            copying.line(
                (
                    *(person, recorded[it.record_time], it.id.hex, advertiser),
                    *(str(purposes), str(channels), "1", it.time.isoformat()),
                    *(it.method, it.evidence, it.actor),
                )
            )
        )
        states.append(f"{person}\t{advertiser}\t{consent.cells(purposes, channels)}\n")
    await copying.write(session, consent_entries, entries)
    await copying.write(session, consent_states, states)


async def given_again(session: AsyncSession, entries: Sequence[Entry]) -> set[UUID]:
    """Return the ids of those consents that are in force and come after a withdrawal of them."""
    rows = recordset.dumps([_row(it) for it in entries])
    return set(await session.scalars(_GIVEN_AGAIN, {"rows": rows})) if entries else set()


async def same_entry(session: AsyncSession, entry: Entry) -> Entry | None:
    """Return the ledger's entry that says the same as this one; locks nothing."""
    c = consent_entries.c
    query = select(consent_entries).where(
        c.contact_id == entry.contact_id,
        c.advertiser_id == entry.advertiser_id,
        c.action == entry.action,
        c.time == entry.time,
        c.evidence == entry.evidence,
    )
    found = (each for row in await session.execute(query) for each in _entries(row))
    scope = (entry.purpose, entry.channel)
    return next((it for it in found if (it.purpose, it.channel) == scope), None)


async def withdraw(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Add withdrawals and take what they cover out of force."""
    await recordset.run(session, _ADD, [_row(it) for it in entries])
    await _settle(session, {it.contact_id for it in entries})


async def _settle(session: AsyncSession, contact_ids: Collection[UUID]) -> None:
    if contact_ids:
        await session.execute(_SETTLE, {"ids": arrays.uuids(contact_ids)})


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
            "ids": arrays.uuids(contact_ids),
            "advertiser_id": advertiser_id,
            "cells": consent.cells(1 << (purpose or 0), 1 << channel),
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
        # The row of the last entry shown may hold more of them.
        query = query.where(tuple_(c.record_time, c.id) <= page.after)
    rows = await session.execute(query.limit(page.size + 2))
    found = [each for row in rows for each in reversed(_entries(row))]
    if page.after:
        found = [it for it in found if (it.record_time, it.id) < page.after]
    shown = found[: page.size]
    return shown, ((shown[-1].record_time, shown[-1].id) if len(found) > page.size else None)


async def said(session: AsyncSession, contact_id: UUID) -> list[Said]:
    """Return when each scope of a contact's ledger was last given or withdrawn; locks nothing."""
    c = consent_entries.c
    scope = (c.advertiser_id, c.purposes, c.channels, c.action)
    query = select(*scope, func.max(c.time).label("time")).where(c.contact_id == contact_id)
    return [
        Said(it.advertiser_id, it.purposes, it.channels, Action(it.action), it.time)
        for it in await session.execute(query.group_by(*scope))
    ]


async def in_force(session: AsyncSession, contact_id: UUID) -> dict[UUID, int]:
    """Return the cells in force by advertiser; locks nothing."""
    c = consent_states.c
    query = select(c.advertiser_id, c.given).where(c.contact_id == contact_id)
    return {it.advertiser_id: it.given for it in await session.execute(query)}


def _row(it: Entry) -> dict[str, object]:
    return {**vars(it), "purposes": 1 << (it.purpose or 0), "channels": 1 << it.channel}


def _entries(it: Any) -> list[Entry]:
    """Return the entries of a row in the order of their ids."""
    purposes = [None, *Purpose]
    scopes = [
        (purpose, channel)
        for purpose in purposes
        for channel in Channel
        if it.purposes >> (purpose or 0) & 1 and it.channels >> channel & 1
    ]
    return [
        Entry(
            id=consent.entry_id(it.id, place),
            contact_id=it.contact_id,
            advertiser_id=it.advertiser_id,
            purpose=purpose,
            channel=channel,
            action=Action(it.action),
            time=it.time,
            method=it.method,
            evidence=it.evidence,
            actor=it.actor,
            record_time=it.record_time,
        )
        for place, (purpose, channel) in enumerate(scopes)
    ]


def _cells(row: str) -> str:
    """The domain's `cells` in SQL."""
    return (
        f"(CASE WHEN {row}.purposes & 1 = 1 THEN 247 ELSE {row}.purposes END"
        f" * (({row}.channels >> 1 & 1) | (({row}.channels >> 2 & 1) << 8)))"
    )


_ROWS = "json_populate_recordset(CAST(NULL AS consent_entries), CAST(:rows AS json))"
_COLUMNS = ", ".join(it.name for it in consent_entries.columns)
_ADD = recordset.insert_statement("consent_entries", [it.name for it in consent_entries.columns])
_ADD_NEW = text(f"""
    INSERT INTO consent_entries ({_COLUMNS})
    SELECT DISTINCT ON (contact_id, advertiser_id, purposes, channels, time, evidence) {_COLUMNS}
    FROM {_ROWS} AS r
    WHERE NOT EXISTS (
        SELECT FROM consent_entries AS known
        WHERE known.contact_id = r.contact_id AND known.advertiser_id = r.advertiser_id
          AND known.purposes & r.purposes <> 0 AND known.channels & r.channels <> 0
          AND known.action = r.action AND known.time = r.time AND known.evidence = r.evidence
    )
    ORDER BY contact_id, advertiser_id, purposes, channels, time, evidence, id
    RETURNING id
""")  # noqa: S608 (our own names)
_REFUSED = """
    w.action = 2 AND (w.advertiser_id IS NULL OR w.advertiser_id = r.advertiser_id)
    AND w.contact_id = r.contact_id
"""
_GIVEN_AGAIN = text(f"""
    SELECT r.id FROM {_ROWS} AS r
    WHERE EXISTS (
        SELECT FROM consent_entries AS w
        WHERE {_REFUSED} AND {_cells("w")} & {_cells("r")} <> 0 AND w.time < r.time
    ) AND NOT EXISTS (
        SELECT FROM consent_entries AS w
        WHERE {_REFUSED} AND {_cells("w")} & {_cells("r")} <> 0 AND w.time >= r.time
    )
""")  # noqa: S608 (our own names)
# What is in force: all that was given, without what a withdrawal covers that is not older.
_SETTLE = text(f"""
    INSERT INTO consent_states AS s (contact_id, advertiser_id, given)
    SELECT r.contact_id, r.advertiser_id, bit_or({_cells("r")} & ~coalesce((
        SELECT bit_or({_cells("w")}) FROM consent_entries AS w
        WHERE {_REFUSED} AND w.time >= r.time
    ), 0))
    FROM consent_entries AS r
    WHERE r.contact_id = ANY(CAST(:ids AS uuid[])) AND r.action = 1
    GROUP BY r.contact_id, r.advertiser_id
    ON CONFLICT (contact_id, advertiser_id) DO UPDATE SET given = excluded.given
    WHERE s.given <> excluded.given
""")  # noqa: S608 (our own names)
_NOT_YET_WITHDRAWN = text(f"""
    SELECT c.id FROM contacts AS c
    WHERE c.id = ANY(CAST(:ids AS uuid[])) AND (
        EXISTS (
            SELECT FROM consent_states AS s
            WHERE s.contact_id = c.id AND s.given & :cells <> 0
              AND (CAST(:advertiser_id AS uuid) IS NULL OR s.advertiser_id = :advertiser_id)
        )
        OR NOT EXISTS (
            SELECT FROM consent_entries AS w
            WHERE w.contact_id = c.id AND w.action = 2 AND :cells & ~{_cells("w")} = 0
              AND (w.advertiser_id IS NULL OR w.advertiser_id = :advertiser_id)
        )
    )
    ORDER BY c.id
    FOR UPDATE OF c
""")  # noqa: S608 (our own names)
