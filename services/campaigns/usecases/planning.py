"""The plan of a run is written batch by batch, each with the cursor in one transaction."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.outbox import Class
from services.campaigns.domain import keys, planning
from services.campaigns.domain import runs as domain
from services.campaigns.domain.planning import Member
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import ExclusionReason, RecipientState
from services.campaigns.messages import runs as messages
from services.campaigns.storage import recipients
from services.campaigns.storage import runs as stored
from services.campaigns.storage.recipients import Planned
from services.campaigns.usecases import runs


async def plan(
    session: AsyncSession,
    run_id: UUID,
    fence: int,
    members: Sequence[Member],
    *,
    regions: Sequence[str],
    lease: timedelta,
) -> bool:
    """Decide on a batch of people; False if this planner may not plan the run any more.

    `regions` are those that have a notifier; whoever belongs to none of them is sent from the
    first. People the cursor has passed are left out.
    """
    run = await stored.lock_plan(session, run_id, fence)
    if run is None:
        return False
    fresh = [member for member in members if member.ordinal > run.plan.cursor]
    if not fresh:
        return True
    rows = await _decided(session, run, fresh, regions)
    excluded = Counter(row.reason for row in rows if row.message_id is None)
    planned = len(rows) - excluded.total()
    before = run.plan
    after = replace(
        before,
        cursor=fresh[-1].ordinal,
        audience=before.audience + len(rows),
        planned=before.planned + planned,
        excluded=_sum(before.excluded, excluded),
        regions=before.regions | {row.region for row in rows if row.message_id is not None},
    )
    await recipients.copy(session, rows)
    await stored.keep_plan(session, run.id, after, lease)
    await stored.count(session, run.id, {RecipientState.PLANNED: planned})
    return True


async def freeze(session: AsyncSession, run_id: UUID, fence: int, size: int, now: datetime) -> bool:
    """Freeze the plan once everybody was decided on; from here on messages are sent.

    False if this planner may not plan the run any more, or people are missing.
    """
    run = await stored.lock_plan(session, run_id, fence)
    if run is None or run.plan.audience != size:
        return False
    after = domain.planned(run, now)
    await stored.move(session, after)
    await runs.announce(session, after, messages.planned, "plan", to=Class.FACTS)
    return True


async def _decided(
    session: AsyncSession, run: Run, members: Sequence[Member], regions: Sequence[str]
) -> list[Planned]:
    """Return a row for each member: planned, or excluded for a reason."""
    reasons = [planning.exclusion(member, run.channel, run.purpose) for member in members]
    wanted = [m.address_key for m, reason in zip(members, reasons, strict=True) if reason is None]
    taken = await recipients.taken_addresses(session, run, wanted) if wanted else set()
    rows = []
    for member, reason in zip(members, reasons, strict=True):
        if reason is None and member.address_key in taken:
            reason = ExclusionReason.SHARED_ADDRESS
        if reason is None:
            taken.add(member.address_key)
        rows.append(_row(run, member, reason, regions))
    return rows


def _row(
    run: Run, member: Member, reason: ExclusionReason | None, regions: Sequence[str]
) -> Planned:
    planned = reason is None
    return Planned(
        run.run_date,
        run.id,
        member.contact_id,
        run.channel.value,
        keys.message_id(run.key, run.channel, member.address_key) if planned else None,
        RecipientState.PLANNED.value if planned else RecipientState.EXCLUDED.value,
        "" if reason is None else reason.value,
        member.region if member.region in regions else regions[0],
        member.address,
        member.address_key,
        member.time_zone,
        member.locale,
        # Whoever gets nothing needs no values.
        planning.capped(member.values) if planned else [],
    )


def _sum(before: object, more: Counter[str]) -> dict[ExclusionReason, int]:
    total = Counter(before)  # type: ignore[call-overload]
    total.update({ExclusionReason(reason): count for reason, count in more.items()})
    return dict(total)
