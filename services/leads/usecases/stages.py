"""A contact's way from new to customer: statuses, life stages, conversion, and their history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.leads.domain import status as rules
from services.leads.domain.contact import Contact, Conversion, Kind, Status
from services.leads.domain.fields import Checks
from services.leads.domain.status import LifeStage, StageChange
from services.leads.messages import events
from services.leads.storage import contacts, sources, stage_changes
from services.leads.usecases import access, trail
from services.leads.usecases.contacts import announce

FIRST_SALE = "first_sale"
_TOLD = {Conversion.HAND: "hand", Conversion.FIRST_SALE: "sale"}


@dataclass(frozen=True)
class Move:
    """Where a contact is to go and why; not if it was moved at or after `since`."""

    life_stage_id: UUID | None
    reason: str = ""
    etag: str = ""
    since: datetime | None = None


async def convert(session: AsyncSession, contact_id: UUID, etag: str, *, now: datetime) -> Contact:
    """Turn a lead into a customer by hand; a customer stays as it is."""
    before = await access.held(session, contact_id, "write", etag)
    if before.kind is Kind.CUSTOMER:
        return before
    stages = await sources.stages(session)
    return await _become_customer(session, before, stages, access.actor(), Conversion.HAND, now)


async def convert_by_sale(
    session: AsyncSession, leads: Sequence[Contact], *, now: datetime
) -> list[Contact]:
    """Turn leads, which the caller has locked, into customers because of a first sale."""
    stages = await sources.stages(session) if leads else []
    return [
        await _become_customer(session, it, stages, FIRST_SALE, Conversion.FIRST_SALE, now)
        for it in leads
    ]


async def change_status(
    session: AsyncSession,
    contact_id: UUID,
    to: Status,
    lost_reason: str,
    etag: str,
    *,
    now: datetime,
) -> Contact:
    """Move a lead's status forward, or to lost with a reason; its stage follows.

    Raises `FailedPrecondition` when the status does not allow it, `InvalidArgument` for a loss
    without a reason.
    """
    checks = Checks()
    if to in (Status.NEW, Status.CONVERTED):
        checks.wrong("status", "must be CONTACTED, QUALIFIED or LOST")
    reason = checks.line("lost_reason", lost_reason, 200)
    checks.finish()
    rules.check_lost_reason(to, reason)
    before = await access.held(session, contact_id, "write", etag)
    rules.advanced(before, to)
    if before.status is to and before.lost_reason == reason:
        return before
    stages = await sources.stages(session)
    stage_id = rules.stage_for(to, before.life_stage_id, stages)
    after = rules.moved(before, to, stage_id, lost_reason=reason, now=now)
    await _store(session, before, after, access.actor(), reason, now)
    return after


async def move(session: AsyncSession, contact_id: UUID, wanted: Move, *, now: datetime) -> Contact:
    """Move a contact to a life stage, or into none; the status follows what the stage implies.

    Raises `NotFound` for an unknown stage, `FailedPrecondition` when the status cannot follow,
    `InvalidArgument` when a stage of lost leads is entered without a reason, `Aborted` when the
    contact was moved since the time that was named.
    """
    life_stage_id, checks = wanted.life_stage_id, Checks()
    reason = checks.line("reason", wanted.reason, 200)
    checks.finish()
    before = await access.held(session, contact_id, "write", wanted.etag)
    stage = await sources.stage(session, life_stage_id) if life_stage_id else None
    if life_stage_id is not None and stage is None:
        raise access.missing("life_stage", life_stage_id)
    if before.life_stage_id == life_stage_id:
        return before
    if wanted.since is not None and await stage_changes.any_since(
        session, contact_id, wanted.since
    ):
        raise access.stale("contact", contact_id, before.revision)
    to = rules.advanced(before, (stage and stage.implied_status) or before.status)
    if to is not before.status:
        rules.check_lost_reason(to, reason, "reason")
    lost = reason if to is not before.status else before.lost_reason
    after = rules.moved(before, to, life_stage_id, lost_reason=lost, now=now)
    await _store(session, before, after, access.actor(), reason, now)
    if to is Status.CONVERTED and before.status is not to:
        await announce(session, after, events.converted(after, "hand"))
    return after


async def history(
    session: AsyncSession, contact_id: UUID, page: Page
) -> tuple[list[StageChange], stage_changes.Key | None]:
    """Return a page of the moves of a contact the caller may read, newest first."""
    await access.visible(session, contact_id)
    return await stage_changes.page(session, contact_id, page)


async def _become_customer(
    session: AsyncSession,
    before: Contact,
    stages: Sequence[LifeStage],
    actor: str,
    by: Conversion,
    now: datetime,
) -> Contact:
    to = rules.advanced(before, Status.CONVERTED)
    stage_id = rules.stage_for(to, before.life_stage_id, stages)
    after = rules.moved(before, to, stage_id, lost_reason="", now=now, by=by)
    await _store(session, before, after, actor, "", now)
    await announce(session, after, events.converted(after, _TOLD[by]))
    return after


async def _store(
    session: AsyncSession,
    before: Contact,
    after: Contact,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Write a move with its history, its event and its audit entry."""
    change = StageChange(
        id=uuid_utils.compat.uuid7(),
        contact_id=after.id,
        from_life_stage_id=before.life_stage_id,
        to_life_stage_id=after.life_stage_id,
        from_status=before.status,
        to_status=after.status,
        actor=actor,
        reason=reason,
        time=now,
    )
    await contacts.update_state(session, [after])
    await stage_changes.add(session, [change])
    await announce(session, after, events.stage_changed(after, change))
    await trail.contact(session, "move", before, after)
