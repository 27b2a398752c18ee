"""One batch of an import: gather who is known, decide every row, and write it all at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import outbox
from services.leads.domain import import_desk, status
from services.leads.domain.contact import Contact, Status
from services.leads.domain.import_desk import Desk
from services.leads.domain.import_rows import Ready
from services.leads.domain.importing import Import, Ledger, Row
from services.leads.messages import events
from services.leads.storage import consents, contacts, import_people, imports, sources


async def apply(
    session: AsyncSession,
    current: Import,
    prepared: Sequence[Ready | Row],
    *,
    now: datetime,
    lease_seconds: float,
) -> Ledger | None:
    """Write a batch of rows and count it; None when another worker has the import now.

    A dry run writes shadows instead of contacts and announces nothing.
    """
    desk = await _gather(session, current, [it for it in prepared if isinstance(it, Ready)], now)
    rows = desk.decide(prepared)
    ledger = await imports.advance(session, current, rows, lease_seconds)
    if ledger is None:
        return None
    if current.dry_run:
        people = [*desk.created.values(), *desk.changed.values()]
        await import_people.shadow(session, current.id, people)
    else:
        await _store(session, desk)
    await import_people.keep_prints(session, current.id, desk.new_prints, dry_run=current.dry_run)
    return ledger


async def _gather(
    session: AsyncSession, current: Import, ready: Sequence[Ready], now: datetime
) -> Desk:
    shadowed = current.id if current.dry_run else None
    prints = await import_people.known_prints(session, {it.print for it in ready}, shadowed)
    fresh = [it for it in ready if it.print not in prints]
    wanted = {key for it in fresh for key in import_desk.keys(it.profile)}
    found_by = await import_people.find(session, wanted, shadowed)
    codes = {it.profile.reference_code for it in fresh if it.profile.reference_code}
    taken = await contacts.taken_codes(session, codes) if codes else {}
    ids = {contact_id for ids in found_by.values() for contact_id in ids}
    stages = await sources.stages(session)
    first = min(
        (it for it in stages if it.implied_status is Status.NEW),
        key=lambda it: it.position,
        default=None,
    )
    return Desk(
        current=current,
        now=now,
        new_id=uuid_utils.compat.uuid7,
        stage_id=status.stage_for(Status.NEW, first.id if first else None, stages),
        sources=await sources.by_codes(session, {it.source for it in fresh if it.source}),
        people=await import_people.load(session, ids, shadowed),
        found_by=found_by,
        prints=prints,
        codes=taken,
    )


async def _store(session: AsyncSession, desk: Desk) -> None:
    created = await _coded(session, list(desk.created.values()))
    changed = list(desk.changed.values())
    if created:
        await contacts.insert(session, created)
    if changed:
        await contacts.update(session, changed)
    touched = [it.id for it in (*created, *changed)]
    await contacts.note_import(session, desk.current.id, touched)
    added = await consents.give(session, desk.consents)
    for told in events.imported(desk.current.id, created, changed):
        await outbox.add(session, told, to=outbox.Class.FACTS, key=str(desk.current.id))
    given = [it for it in desk.consents if it.id in added]
    for agreed in events.consents_imported(desk.current.id, given):
        await outbox.add(session, agreed, to=outbox.Class.FACTS, key=str(desk.current.id))


async def _coded(session: AsyncSession, created: Sequence[Contact]) -> list[Contact]:
    """Return the new contacts, each with a reference code."""
    without = [it for it in created if not it.profile.reference_code]
    codes = iter(await contacts.new_codes(session, len(without)) if without else ())
    return [
        it
        if it.profile.reference_code
        else replace(it, profile=replace(it.profile, reference_code=next(codes)))
        for it in created
    ]
