"""Takes chunks into the tables, and control events to the runs and suppressions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit
from services.notifier.messages.chunks import Chunk, Regained, RunControl, Withdrawal
from services.notifier.storage import intake, partitions, runs, senders, suppressions
from services.notifier.storage.suppressions import Suppression
from services.notifier.usecases import confirming
from services.notifier.usecases.gating import Standards


async def make_room(session: AsyncSession, day: date) -> None:
    """Makes the day's partitions unless they are there; raises `partitions.DayGone`."""
    if await partitions.missing(session, day):
        await partitions.create(session, day)


async def has_content(session: AsyncSession, content_hash: str) -> bool:
    """Whether the content is kept here."""
    return content_hash in await senders.contents(session, [content_hash])


async def take(session: AsyncSession, chunk: Chunk) -> int:
    """Stores the recipients that are new; returns how many were."""
    told = chunk.told
    run, after = await runs.note_chunk(session, told, len(chunk.recipients))
    shared = intake.Shared.of_run(told)
    recipients = chunk.recipients
    if run.variables != told.variables:
        recipients = _reordered(recipients, told.variables, run.variables)
    return await intake.insert(session, shared, recipients, after)


async def steer(session: AsyncSession, control: RunControl) -> bool:
    """Pauses, resumes or ends a run, unless something newer is known of it."""
    return await runs.control(
        session,
        control.run_id,
        control.run_date,
        control.epoch,
        control.state,
        control.channel,
        control.purpose,
        control.not_after,
    )


async def withdraw(
    session: AsyncSession, withdrawal: Withdrawal, standards: Standards | None = None
) -> int:
    """Suppresses each address of a withdrawal; returns how many were not before.

    leads knows already what it told, so no event goes back. With `standards` the first address
    that is news is told that the refusal arrived.
    """
    added = 0
    for key in withdrawal.address_keys:
        new = Suppression(
            id=uuid_utils.compat.uuid7(),
            channel=withdrawal.channel,
            address=key,
            address_key=key,
            advertiser_id=withdrawal.advertiser_id,
            purpose=withdrawal.purpose,
            reason="withdrawn",
            evidence=f"consent entry {withdrawal.entry_id}",
            contact_id=withdrawal.contact_id,
            actor="leads",
            expires_at=None,
            created_at=withdrawal.time,
        )
        stored, is_new = await suppressions.add(session, new)
        if is_new:
            added += 1
            await audit.record(
                session,
                action="suppress",
                subject_type="suppression",
                subject_id=str(stored.id),
                after={"reason": stored.reason, "evidence": stored.evidence},
            )
            if standards is not None and added == 1:
                now = replace(stored, created_at=datetime.now(UTC))
                await confirming.confirm(session, now, stored.advertiser_id, standards)
    return added


async def regain(session: AsyncSession, regained: Regained) -> int:
    """Notes what somebody agreed to again; returns of how many addresses that was news."""
    news = 0
    for key in regained.address_keys:
        news += await suppressions.regain(
            session,
            regained.channel,
            key,
            regained.advertiser_id,
            regained.purpose,
            regained.time,
            f"consent entry {regained.entry_id}",
        )
    return news


def _reordered(
    recipients: Sequence[intake.New], given: Sequence[str], wanted: Sequence[str]
) -> tuple[intake.New, ...]:
    """Values in the order of the run's variables; one that a chunk lacks is empty."""
    place = {name: at for at, name in enumerate(given)}
    return tuple(
        it._replace(values=[it.values[place[n]] if n in place else "" for n in wanted])
        for it in recipients
    )
