"""One batch of an import: gather who is known, decide every row, and write it all at once."""

from collections.abc import Collection, Sequence
from datetime import datetime

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from services.leads.domain import status
from services.leads.domain.contact import Status
from services.leads.domain.import_desk import Desk
from services.leads.domain.import_rows import Key, Ready
from services.leads.domain.importing import Import, Ledger, Row
from services.leads.storage import contacts, import_people, imports, sources
from services.leads.usecases import batches


async def apply(
    session: AsyncSession,
    current: Import,
    prepared: Sequence[Ready | Row],
    *,
    now: datetime,
    lease_seconds: float,
    erased: Collection[Key] = frozenset(),
) -> Ledger | None:
    """Write a batch of rows and count it; None when another worker has the import now.

    Rows with a key of somebody who is being erased (`erased`) are skipped. A dry run writes
    shadows instead of contacts and announces nothing.
    """
    desk = await _gather(session, current, [it for it in prepared if isinstance(it, Ready)], now)
    desk.erased = erased
    rows = desk.decide(prepared)
    ledger = await imports.advance(session, current, rows, lease_seconds)
    if ledger is None:
        return None
    if current.dry_run:
        people = [*desk.created.values(), *desk.changed.values()]
        await import_people.shadow(session, current.id, people)
    else:
        created, changed = list(desk.created.values()), list(desk.changed.values())
        await batches.write(session, current.id, created=created, updated=changed)
        await batches.give(session, current.id, desk.consents, new=desk.created, people=desk.people)
    await import_people.keep_prints(session, current.id, desk.new_prints, dry_run=current.dry_run)
    return ledger


async def _gather(
    session: AsyncSession, current: Import, ready: Sequence[Ready], now: datetime
) -> Desk:
    shadowed = current.id if current.dry_run else None
    prints = await import_people.known_prints(session, {it.print for it in ready}, shadowed)
    fresh = [it for it in ready if it.print not in prints]
    wanted = {key for it in fresh for key in it.keys}
    found_by = await import_people.find(session, wanted, shadowed)
    codes = {it.profile.reference_code for it in fresh if it.profile.reference_code}
    taken = await contacts.taken_codes(session, codes) if codes else {}
    ids = {contact_id for ids in found_by.values() for contact_id in ids}
    return Desk(
        current=current,
        now=now,
        new_id=uuid_utils.compat.uuid7,
        stage_id=status.first_stage(Status.NEW, await sources.stages(session)),
        sources=await sources.by_codes(session, {it.source for it in fresh if it.source}),
        people=await import_people.load(session, ids, shadowed),
        found_by=found_by,
        prints=prints,
        codes=taken,
    )
