"""Claims messages and asks every gate about them, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier import stages
from services.notifier.domain import gates
from services.notifier.domain.states import Channel, Next, RunState
from services.notifier.domain.work import NOBODY, Claimed, Content, Run, Sender
from services.notifier.storage import attempts, claims, rows, runs, senders, suppressions
from services.notifier.usecases import reports


@dataclass(frozen=True)
class Batch:
    """What may go, with all it takes to render it.

    `version` of the suppressions and the run's epoch are those the gates saw.
    """

    claim: int = 0
    messages: tuple[Claimed, ...] = ()
    run: Run | None = None
    senders: Mapping[UUID, Sender] | None = None
    contents: Mapping[str, Content] | None = None
    version: int = 0
    claimed: int = 0


@dataclass(frozen=True)
class Terms:
    """What every claim goes by: for whom it holds, and whose hours and region are meant."""

    holder: claims.Holder
    default_zone: str
    region: str


async def claim_run(session: AsyncSession, run: Run, limit: int, terms: Terms) -> Batch:
    """Claims up to `limit` messages of a run; none, when it is no longer active."""
    claim, claimed = await claims.claim_run(session, run, limit, terms.holder)
    if claim == 0:
        await runs.rest(session, run.run_id)
        return Batch()
    fresh = await runs.get(session, run.run_id)
    if fresh is None or fresh.state == RunState.PAUSED:
        await claims.free(session, await claims.locked(session, claim))
        return Batch()
    gating = _gated(session, claim, run.channel, claimed, fresh, terms)
    return await stages.during("gates", gating)


async def claim_single(session: AsyncSession, channel: Channel, limit: int, terms: Terms) -> Batch:
    """Claims up to `limit` messages that belong to no run."""
    claim, claimed = await claims.claim_single(session, channel, limit, terms.holder)
    if claim == 0:
        return Batch()
    gating = _gated(session, claim, channel, claimed, None, terms)
    return await stages.during("gates", gating)


async def divert(
    session: AsyncSession, diverted: Sequence[tuple[Claimed, Next]], region: str
) -> list[rows.Changed]:
    """Moves claimed messages that cannot go, and reports it."""
    changed = await attempts.divert(session, diverted)
    await reports.announce(session, changed, region)
    return changed


async def _gated(
    session: AsyncSession,
    claim: int,
    channel: Channel,
    claimed: Sequence[Claimed],
    run: Run | None,
    terms: Terms,
) -> Batch:
    # The version is read before what it numbers: news in between is only seen twice.
    version = await suppressions.version(session)
    covering = await suppressions.covering(session, channel, [it.address_key for it in claimed])
    kinds = {it.kind for it in claimed}
    known = await senders.senders(
        session, [it.sender_identity_id for it in kinds if it.sender_identity_id]
    )
    now = await claims.now(session)
    may_go: list[Claimed] = []
    diverted: list[tuple[Claimed, Next]] = []
    for message in claimed:
        to = gates.judge(
            message,
            run=run,
            sender=known.get(message.kind.sender_identity_id or NOBODY),
            suppressions=covering.get(message.address_key, ()),
            now=now,
            default_zone=terms.default_zone,
        )
        if to is None:
            may_go.append(message)
        else:
            diverted.append((message, to))
    await divert(session, diverted, terms.region)
    if not may_go:
        await claims.finish(session, [claim])
    contents = await senders.contents(session, [it.content_hash for it in kinds])
    return Batch(claim, tuple(may_go), run, known, contents, version, len(claimed))
