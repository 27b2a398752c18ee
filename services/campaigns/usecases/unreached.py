"""Whom a run did not reach may be written to once more, by another run."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import FailedPrecondition, FieldViolation, NotFound
from chassis.scope import Scope
from services.campaigns.domain import campaigns as domain
from services.campaigns.domain.campaigns import Audience, Campaign, Draft, Unreached
from services.campaigns.storage import campaigns as stored
from services.campaigns.storage import runs, unreached
from services.campaigns.storage.unreached import Some
from services.campaigns.usecases import access, campaigns

AT_ONCE = 10_000
"""People read in one transaction, and asked of leads at once."""


async def check(session: AsyncSession, draft: Draft) -> list[FieldViolation]:
    """Return what is wrong with a draft's run, as far as the draft is right in itself."""
    wanted = draft.audience.unreached if draft.audience else None
    run_id = domain.as_uuid(wanted.run_id) if wanted else None
    if run_id is None:
        return []
    at = "campaign.audience.unreached.run_id"
    try:
        await access.run(session, run_id)
        run = (await runs.get(session, run_id)).run
    except NotFound:
        return [FieldViolation(at, "no such run")]
    if draft.channel is not None and run.channel is not draft.channel:
        return [FieldViolation(at, f"is not a run by {draft.channel}")]
    if run.end_time is None:
        return [FieldViolation(at, "has not ended")]
    if run.rows_gone_at is not None:
        return [FieldViolation(at, "its rows were let go of, so nobody knows whom it missed")]
    return []


async def draft(
    session: AsyncSession, wanted: Unreached, name: str, caller: Scope, now: datetime
) -> Campaign:
    """Store a copy of a run's campaign for those it did not reach, as a draft."""
    run = (await runs.get(session, UUID(wanted.run_id))).run
    original = await stored.get(session, run.campaign_id)
    copy = domain.copied(original.draft(), name, now)
    made = replace(copy, audience=Audience(unreached=wanted))
    campaigns.refuse([*domain.violations(made, now), *await check(session, made)])
    return await campaigns.create(session, made, caller, now)


async def some(session: AsyncSession, wanted: Unreached, after: int) -> Some:
    """Return the next of those a run did not reach, by their place in it."""
    run = (await runs.get(session, UUID(wanted.run_id))).run
    return await unreached.page(session, run, wanted, after, AT_ONCE)


async def claim(session: AsyncSession, wanted: Unreached) -> None:
    """Raise `FailedPrecondition` if another run went to some of the same people.

    Locks the run they are of, so that two who start at once take turns.
    """
    await runs.lock(session, UUID(wanted.run_id))
    others = await unreached.written_since(session, wanted)
    if others:
        raise FailedPrecondition(
            "STATE_FORBIDS",
            "another run went to those people since; go on from that one",
            resource="run",
            id=others[0],
            state="SENT_AGAIN",
            to="STARTED",
        )
