"""Runs are started, paused, resumed, cancelled, and come to an end."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import uuid_utils.compat
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import allow, audit, outbox
from chassis.db.outbox import Class
from chassis.errors import FailedPrecondition, NotFound
from services.campaigns.domain import keys
from services.campaigns.domain import runs as domain
from services.campaigns.domain.campaigns import Campaign
from services.campaigns.domain.runs import Bearable, Plan, Progress, Run
from services.campaigns.domain.states import (
    LEFT_BEHIND,
    NEXT,
    PauseReason,
    RecipientState,
    RunState,
)
from services.campaigns.domain.templates import Content
from services.campaigns.messages import campaigns as campaign_messages
from services.campaigns.messages import runs as messages
from services.campaigns.storage import campaigns, chunks, complaints, nudges, recipients, regions
from services.campaigns.storage import runs as stored
from services.campaigns.storage.nudges import Worker
from services.campaigns.usecases import unreached
from services.campaigns.usecases.campaigns import check_etag, check_idle

# Recipients moved in one transaction when a run ends early.
SWEEP = 5_000
_COUNT_SECONDS = 120.0


def run_date(now: datetime) -> date:
    """Return the date of a run that starts now; it travels with its messages."""
    return now.astimezone(UTC).date()


def check_start(campaign: Campaign, etag: str, now: datetime) -> None:
    """Raise `Aborted` or `FailedPrecondition` where a campaign cannot be started now."""
    check_etag(campaign, etag)
    check_idle(campaign, "started")
    if campaign.not_after is not None and campaign.not_after <= now:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            'the campaign\'s "not after" has passed',
            resource="campaign",
            state="EXPIRED",
            to="STARTED",
        )


async def start(
    session: AsyncSession, read: Campaign, content: Content, creator: str, now: datetime
) -> Progress:
    """Begin a run of the campaign as it was `read`; the partition of its day is there."""
    campaign = await campaigns.get(session, read.id, lock=True)
    check_start(campaign, str(read.revision), now)
    if campaign.audience.unreached is not None:
        await unreached.claim(session, campaign.audience.unreached)
    run = _made(campaign, content, creator, now)
    await stored.add(session, run)
    after = replace(
        campaign,
        revision=campaign.revision + 1,
        latest_run_id=run.id,
        latest_run_state=run.state,
        update_time=now,
    )
    await campaigns.change(session, after)
    await outbox.add(
        session,
        campaign_messages.changed(after),
        to=Class.FACTS,
        key=str(after.id),
        revision=after.revision,
    )
    nudges.add(session, Worker.PLANNER)
    return await announce(session, run, messages.started, "start", to=Class.FACTS)


async def pause(session: AsyncSession, run_id: UUID) -> Progress:
    """Pause a run; one that is paused stays so."""
    run = await stored.lock(session, run_id)
    if run.state is RunState.PAUSED:
        return await stored.get(session, run_id)
    return await _pause(session, run, PauseReason.HAND)


async def complain(session: AsyncSession, run_id: UUID, borne: Bearable) -> bool:
    """Count a complaint of a run, and pause it if that is more than is borne; True if it was.

    A run that somebody let go on pauses again at the next complaint, for as long as there are too
    many. A run that is not known here was another's.
    """
    try:
        run = await stored.lock(session, run_id)
    except NotFound:
        return False
    known = await complaints.count(session, run_id)
    if RunState.PAUSED not in NEXT[run.state]:
        return False
    if not domain.is_unbearable(await stored.get(session, run_id), known, borne):
        return False
    await _pause(session, run, PauseReason.COMPLAINTS)
    return True


async def _pause(session: AsyncSession, run: Run, because: PauseReason) -> Progress:
    after = domain.moved(run, RunState.PAUSED, because)
    await stored.move(session, after)
    return await announce(session, after, messages.paused, "pause")


async def resume(session: AsyncSession, run_id: UUID) -> Progress:
    """Let a paused run go on where it was; one that goes on already is left alone."""
    run = await stored.lock(session, run_id)
    if run.state in (RunState.PLANNING, RunState.SENDING):
        return await stored.get(session, run_id)
    after = domain.resumed(run)
    await stored.move(session, after)
    nudges.add(session, Worker.PLANNER, Worker.SENDER, Worker.CLOSER)
    return await announce(session, after, messages.resumed, "resume")


async def cancel(session: AsyncSession, run_id: UUID) -> Progress:
    """Stop a run for good; one that was cancelled stays so.

    Nothing is handed over from here on; the rows of those left behind follow in batches.
    """
    run = await stored.lock(session, run_id)
    if run.state is RunState.CANCELLED:
        return await stored.get(session, run_id)
    after = domain.moved(run, RunState.CANCELLED)
    await stored.move(session, after)
    nudges.add(session, Worker.CLOSER)
    return await announce(session, after, messages.cancelled, "cancel")


async def expire(session: AsyncSession, run_id: UUID) -> bool:
    """End a run whose time has passed; False if somebody else ended or holds it."""
    run = await stored.try_lock(session, run_id)
    if run is None or RunState.EXPIRED not in NEXT[run.state]:
        return False
    after = domain.moved(run, RunState.EXPIRED)
    await stored.move(session, after)
    await announce(session, after, messages.cancelled, "expire")
    return True


async def sweep(session: AsyncSession, run_id: UUID) -> int:
    """Move a batch of recipients that a run which ended early left behind; returns how many."""
    run = await stored.try_lock(session, run_id)
    to = LEFT_BEHIND.get(run.state) if run is not None else None
    if run is None or to is None:
        return 0
    people, reached = 0, {}
    for region in await regions.read(session, run_id):
        if region.handed_to < run.plan.cursor:
            moved, last = await recipients.leave_behind(
                session, run, region.name, region.handed_to, to, SWEEP
            )
            reached[region.name] = last if moved == SWEEP else run.plan.cursor
            people += moved
    left = await stored.count(session, run_id, {RecipientState.PLANNED: -people, to: people})
    for name, last in reached.items():
        await regions.hand(session, run_id, name, last, 0)
    if left is not None and not left.unsettled:
        nudges.add(session, Worker.CLOSER)
    return people


async def finish(session: AsyncSession, run_id: UUID, now: datetime) -> bool:
    """Mark a run whose messages have all come to an end; False if it is not so after all."""
    run = await stored.try_lock(session, run_id)
    if run is None or run.end_time is not None:
        return False
    progress = await stored.get(session, run_id)
    if run.state not in (RunState.SENDING, *LEFT_BEHIND) or not domain.is_over(progress.counts):
        return False
    after = domain.ended(run, now)
    await stored.move(session, after)
    await chunks.forget(session, run_id)
    await announce(session, after, messages.completed, "complete", to=Class.FACTS)
    return True


async def note_export(
    session: AsyncSession, run_id: UUID, states: Sequence[RecipientState], reason: str
) -> Run:
    """Return a run whose recipients somebody takes away, after noting who, and how many."""
    run = (await stored.get(session, run_id)).run
    domain.check_rows(run)
    await allow(session, _COUNT_SECONDS)
    count = await recipients.count(session, run, states, reason)
    await audit.record(
        session,
        action="export",
        subject_type="run",
        subject_id=str(run_id),
        after={"states": states, "reason": reason, "recipients": count},
    )
    return run


async def announce(
    session: AsyncSession,
    run: Run,
    event: Callable[[Progress], Message],
    action: str,
    *,
    to: Class = Class.CONTROL,
) -> Progress:
    """Tell of a run's move, and leave an audit entry; returns the run with its counts."""
    progress = await stored.get(session, run.id)
    await outbox.add(session, event(progress), to=to, key=str(run.id), revision=run.revision)
    await audit.record(
        session,
        action=action,
        subject_type="run",
        subject_id=str(run.id),
        after={
            "campaign_id": str(run.campaign_id),
            "state": run.state,
            "epoch": run.epoch,
            "revision": run.revision,
            **({"pause_reason": run.pause_reason} if run.pause_reason else {}),
        },
    )
    return progress


def _made(campaign: Campaign, content: Content, creator: str, now: datetime) -> Run:
    return Run(
        id=uuid_utils.compat.uuid7(),
        revision=1,
        campaign_id=campaign.id,
        run_date=run_date(now),
        epoch=1,
        state=RunState.PLANNING,
        resume_state=None,
        channel=campaign.channel,
        purpose=campaign.purpose,
        advertiser_id=campaign.advertiser_id,
        sender_identity_id=campaign.sender_identity_id,
        content_hash=content.hash,
        variables=content.contact_variables,
        audience=campaign.audience,
        not_after=campaign.not_after,
        max_per_second=campaign.max_per_second,
        key=keys.new_run_key(),
        creator_id=creator,
        plan=Plan(),
        create_time=now,
        plan_time=None,
        end_time=None,
    )
