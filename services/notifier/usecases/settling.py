"""Writes down how attempts ended, and what follows for their messages."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain import states
from services.notifier.domain.rules import Rules
from services.notifier.domain.states import Next, Reason, Result, State, Verdict
from services.notifier.domain.work import Failed, Outgoing
from services.notifier.storage import attempts, claims, receipts, rows
from services.notifier.usecases import gating, reports

_TAKEN = Next(State.ACCEPTED)
# Of an SMS in parts that was refused a part may have been taken: that one stays counted.
_UNSENT = frozenset({Verdict.REFUSED, Verdict.BUSY, Verdict.NOT_WRITTEN})


class Ended(NamedTuple):
    """One attempt that ended."""

    message: Outgoing
    result: Result


async def settle(
    session: AsyncSession,
    ended: Sequence[Ended],
    *,
    provider: str,
    retry_seconds: float,
    region: str,
    rules: Rules,
    finished: Sequence[int] = (),
    is_believed: bool = True,
) -> list[rows.Changed]:
    """Records the outcomes, moves the messages and reports them; returns those moved.

    `finished` are claims of which nothing is left then. What was not sent no longer counts. Unless
    the provider `is_believed`, nobody is told of addresses that it says are no good.
    """
    # Only a message that is tried again needs the clock that all replicas share.
    busy = any(it.result.verdict is Verdict.BUSY for it in ended)
    now = await claims.now(session) if busy else datetime.now(UTC)
    outcomes = [_outcome(it, now, retry_seconds) for it in ended]
    changed = await attempts.settle(session, outcomes, finished)
    unsent = [
        it.message.claimed
        for it in ended
        if it.result.verdict in _UNSENT and it.result.reason is not Reason.PARTLY_REFUSED
    ]
    if unsent:
        await gating.release(session, unsent, rules)
    await receipts.add_parts(session, [part for it in ended for part in _parts(it, provider)])
    await reports.announce(session, changed, region)
    if is_believed:
        await reports.announce_failed(session, _failed(ended, changed))
    return changed


def _failed(ended: Sequence[Ended], changed: Sequence[rows.Changed]) -> list[Failed]:
    """The addresses that a provider says are no good, of the messages that this moved."""
    dead = {it.message.claimed.key.message_id: it for it in ended if states.says_dead(it.result)}
    if not dead:
        return []
    return [
        Failed(
            claimed.kind.channel,
            claimed.address_key,
            one.reason,
            one.message_id,
            one.updated_at,
        )
        for one in changed
        if (it := dead.get(one.message_id)) and (claimed := it.message.claimed)
    ]


def _outcome(ended: Ended, now: datetime, retry_seconds: float) -> attempts.Outcome:
    message = ended.message.prepared.claimed
    following = _TAKEN
    if ended.result.verdict is not Verdict.TAKEN:
        deadline = message.created_at + timedelta(seconds=retry_seconds)
        if message.not_after is not None:
            deadline = min(deadline, message.not_after)
        following = states.settle(
            ended.result,
            attempt=ended.message.number,
            now=now,
            deadline=deadline,
            chance=random.random(),  # noqa: S311 (spreads retries, keeps no secret)
        )
    return attempts.Outcome(
        message.key,
        message.kind.run_id,
        ended.message.number,
        following,
        ended.result.answer,
        ",".join(ended.result.references),
    )


def _parts(ended: Ended, provider: str) -> list[receipts.Part]:
    """The parts a receipt may come for; e-mail has none."""
    if ended.result.verdict not in (Verdict.TAKEN, Verdict.UNKNOWN) or not ended.message.parts:
        return []
    references = ended.result.references
    return [
        receipts.Part(
            key=ended.message.claimed.key,
            number=ended.message.number,
            part=place,
            parts=len(ended.message.parts),
            provider=provider,
            reference=reference,
        )
        for place, reference in enumerate(references, start=1)
        if reference
    ]
