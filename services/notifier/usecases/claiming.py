"""Claims messages and asks every gate about them, in one transaction."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier import stages
from services.notifier.domain.rules import Rules
from services.notifier.domain.states import Channel, Next, RunState
from services.notifier.domain.work import Claimed, Content, Enclosure, Run, Sender
from services.notifier.storage import attempts, claims, lapses, rows, runs, senders, suppressions
from services.notifier.usecases import gating, reports
from services.notifier.usecases.gating import Standards


@dataclass(frozen=True)
class Batch:
    """What may go, with all it takes to render it; `gated` counts the others by rule.

    `version` of the suppressions and the run's epoch are those the gates saw; in `closes_in`
    seconds sending hours end. `enclosures` are the files of contents, by the content's hash.
    """

    claim: int = 0
    messages: tuple[Claimed, ...] = ()
    run: Run | None = None
    senders: Mapping[UUID, Sender] | None = None
    contents: Mapping[str, Content] | None = None
    version: int = 0
    claimed: int = 0
    closes_in: float = math.inf
    gated: Mapping[str, int] = field(default_factory=dict)
    enclosures: Mapping[str, Enclosure] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """What every claim goes by: for whom it holds, and which standards and region are meant."""

    holder: claims.Holder
    standards: Standards
    region: str


async def claim_run(session: AsyncSession, run: Run, limit: int, terms: Terms) -> Batch:
    """Claims up to `limit` messages of a run; none, when it is no longer active."""
    claim, claimed = await claims.claim_run(session, run, limit, terms.holder)
    if claim == 0:
        await runs.rest(session, run.run_id)
        return Batch()
    fresh = await runs.get(session, run.run_id)
    if fresh is None or fresh.state == RunState.PAUSED:
        await claims.free(session, await lapses.locked(session, claim))
        return Batch()
    judging = _gated(session, claim, run.channel, claimed, fresh, terms)
    return await stages.during("gates", judging)


async def claim_single(
    session: AsyncSession, channel: Channel, limit: int, terms: Terms, *, patient: bool = False
) -> Batch:
    """Claims up to `limit` messages that belong to no run, all urgent or all patient."""
    claim, claimed = await claims.claim_single(
        session, channel, limit, terms.holder, patient=patient
    )
    if claim == 0:
        return Batch()
    judging = _gated(session, claim, channel, claimed, None, terms)
    return await stages.during("gates", judging)


async def divert(
    session: AsyncSession, diverted: Sequence[tuple[Claimed, Next]], region: str
) -> list[rows.Changed]:
    """Moves claimed messages that cannot go, and reports it."""
    changed = await attempts.divert(session, diverted)
    await reports.announce(session, changed, region)
    return changed


async def give_up(
    session: AsyncSession, failed: Sequence[tuple[Claimed, Next]], terms: Terms
) -> None:
    """Moves messages that had passed their gates and cannot be made; they no longer count."""
    await divert(session, failed, terms.region)
    await gating.release(session, [it for it, _ in failed], terms.standards.rules)


async def give_back(session: AsyncSession, messages: Sequence[Claimed], rules: Rules) -> None:
    """Lets anybody claim messages that were claimed and have no open attempt; uncounts them."""
    await claims.requeue(session, messages)
    await gating.release(session, messages, rules)


async def free(session: AsyncSession, claim: lapses.Lapsed, rules: Rules) -> None:
    """Ends a locked claim: what it left without an attempt is uncounted and may be claimed."""
    left = await lapses.left(session, claim)
    await claims.free(session, claim)
    await gating.release(session, left, rules)


async def unjudged(
    session: AsyncSession, run: Run, claim: int, messages: tuple[Claimed, ...]
) -> Batch:
    """A batch to make before its gates are asked."""
    known = await senders.senders(session, [it for it in [run.kind.sender_identity_id] if it])
    contents = await senders.contents(session, {run.kind.content_hash})
    version = await suppressions.version(session)
    return Batch(claim, messages, run, known, contents, version, len(messages))


async def _gated(
    session: AsyncSession,
    claim: int,
    channel: Channel,
    claimed: Sequence[Claimed],
    run: Run | None,
    terms: Terms,
) -> Batch:
    decided = await gating.judge(session, channel, claimed, run, terms.standards)
    await divert(session, decided.diverted, terms.region)
    if not decided.may_go:
        await claims.finish(session, [claim])
    contents = await senders.contents(session, {it.kind.content_hash for it in claimed})
    return Batch(
        claim,
        decided.may_go,
        run,
        decided.senders,
        contents,
        decided.version,
        len(claimed),
        decided.closes_in,
        Counter(it.rule for _, it in decided.diverted),
    )
