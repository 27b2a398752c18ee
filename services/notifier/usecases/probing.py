"""What the gates would say of recipients, before anything is sent; nothing is counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.gates import Judge
from services.notifier.domain.states import Next, Reason, State
from services.notifier.domain.work import Claimed, Key, Kind
from services.notifier.storage import caps, consent_requests
from services.notifier.usecases import gating
from services.notifier.usecases.gating import Standards


@dataclass(frozen=True)
class Recipient:
    """Somebody who would get a message."""

    address: str
    address_key: str
    time_zone: str


@dataclass(frozen=True)
class Stop:
    """How many would be skipped or put off alike, and when the first of them may go."""

    to: Next
    count: int
    not_before: datetime | None


async def probe(
    session: AsyncSession,
    kind: Kind,
    recipients: Sequence[Recipient],
    standards: Standards,
    now: datetime | None = None,
) -> tuple[int, list[Stop]]:
    """How many would go now, and what would stop the others, the greatest count first."""
    messages = [_message(kind, it) for it in recipients]
    facts = await gating.facts_of(session, kind.channel, messages, None, standards, now)
    ask = Judge(standards.rules, facts, standards.default_zone)
    said = {it.key: ask(it) for it in messages}
    passing = [it for it in messages if said[it.key] is None]
    for message, to in await _counted(session, kind, passing, ask, facts.now):
        said[message.key] = to
    return sum(it is None for it in said.values()), _alike([it for it in said.values() if it])


async def _counted(
    session: AsyncSession, kind: Kind, messages: Sequence[Claimed], ask: Judge, now: datetime
) -> list[tuple[Claimed, Next]]:
    """Those that caps or earlier requests for consent would stop."""
    limits = {it: limit for it in messages if (limit := ask.limit(it))}
    stopped: list[tuple[Claimed, Next]] = []
    if limits:
        uses = [caps.Use(it, limit.most) for it, limit in limits.items()]
        hours = next(iter(limits.values())).hours
        full = await caps.full(session, kind.channel, uses, hours, now)
        stopped += [
            (it, Next(State.DEFERRED, Reason.CAP, until, limit.rule))
            for it, limit in limits.items()
            if (until := full.get(it.key.message_id))
        ]
    once = [(it, rule) for it in messages if (rule := ask.once(it))]
    if once:
        keys = [it.address_key for it, _ in once]
        asked = await consent_requests.asked(session, kind.channel, keys)
        stopped += [
            (it, Next(State.SKIPPED, Reason.ASKED_BEFORE, rule=rule))
            for it, rule in once
            if it.address_key in asked
        ]
    return stopped


def _alike(stopped: Sequence[Next]) -> list[Stop]:
    counts = Counter((it.state, it.reason, it.rule) for it in stopped)
    found = []
    for (state, reason, rule), count in counts.most_common():
        times = [
            it.not_before
            for it in stopped
            if (it.state, it.reason, it.rule) == (state, reason, rule) and it.not_before
        ]
        found.append(Stop(Next(state, reason, rule=rule), count, min(times, default=None)))
    return found


def _message(kind: Kind, it: Recipient) -> Claimed:
    """A message that nobody stored, as gates look at one."""
    return Claimed(
        key=Key(date.min, uuid4()),
        claim=0,
        attempts=0,
        kind=kind,
        address=it.address,
        address_key=it.address_key,
        time_zone=it.time_zone,
        values=(),
        not_after=None,
        created_at=datetime.min,  # noqa: DTZ901 (of no message)
    )
