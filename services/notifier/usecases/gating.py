"""Asks every gate about a batch of claimed messages, by one statement for each kind of fact."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from services.notifier.domain import peppering
from services.notifier.domain.gates import Facts, Judge, Limit
from services.notifier.domain.rulebook import CapRule, ListRule
from services.notifier.domain.rules import Law, Rules
from services.notifier.domain.states import Channel, Next, Purpose, Reason, State
from services.notifier.domain.work import Claimed, Kind, Run, Sender
from services.notifier.storage import (
    caps,
    claims,
    consent_requests,
    do_not_call,
    senders,
    standing,
)


@dataclass(frozen=True)
class Standards:
    """By what gates judge: the rules, and whose zone is meant where nobody knows one."""

    rules: Rules
    default_zone: str
    secret: bytes = b""
    """What addresses of erased people are hashed with."""


@dataclass(frozen=True)
class Decisions:
    """Who may go, and where the others go.

    `version` is that of the suppressions the gates saw. Sending hours of those who may go end at
    `closes` by the database's clock, if at all, at which the gates were asked at `now`.
    """

    may_go: tuple[Claimed, ...]
    diverted: tuple[tuple[Claimed, Next], ...]
    senders: Mapping[UUID, Sender]
    version: int
    now: datetime
    closes: datetime | None

    @property
    def closes_in(self) -> float:
        """Seconds until sending hours end; infinite when they do not."""
        return (self.closes - self.now).total_seconds() if self.closes else float("inf")


async def judge(
    session: AsyncSession,
    channel: Channel,
    messages: Sequence[Claimed],
    run: Run | None,
    standards: Standards,
    now: datetime | None = None,
) -> Decisions:
    """Judges claimed messages of one channel, and counts those that may go where they count.

    What is counted is uncounted by `release` once a message turns out not to be sent. `now` is the
    database's clock when it is not given.
    """
    facts = await facts_of(session, channel, messages, run, standards, now)
    return await decide(session, channel, messages, facts, standards)


async def decide(
    session: AsyncSession,
    channel: Channel,
    messages: Sequence[Claimed],
    facts: Facts,
    standards: Standards,
    *,
    is_straight: bool = False,
) -> Decisions:
    """As `judge`, of facts that were read in the same transaction.

    Messages that go straight are of one run, and the caller stores those that may go in the same
    transaction with an attempt open since the decisions' `now`: that is what counts them.
    """
    ask = Judge(standards.rules, facts, standards.default_zone)
    may_go: list[Claimed] = []
    diverted: list[tuple[Claimed, Next]] = []
    for message in messages:
        to = ask(message)
        if to is None:
            may_go.append(message)
        else:
            diverted.append((message, to))
    laws = [standards.rules.law(channel, it.purpose) for it in _kinds(may_go)]
    full: dict[UUID, Next] = {}
    if any(it.requests for it in laws):
        full |= await _ask_once(session, channel, may_go, ask, facts.now, standards.secret)
    if any(it.caps for it in laws):
        counting = [it for it in may_go if it.key.message_id not in full] if full else may_go
        full |= await _count(session, channel, counting, ask, facts.now, is_straight)
    if full:
        diverted += [(it, to) for it in may_go if (to := full.get(it.key.message_id))]
        may_go = [it for it in may_go if it.key.message_id not in full]
    return Decisions(
        may_go=tuple(may_go),
        diverted=tuple(diverted),
        senders=facts.senders,
        version=facts.version,
        now=facts.now,
        closes=ask.closes,
    )


async def release(session: AsyncSession, messages: Iterable[Claimed], rules: Rules) -> None:
    """Uncounts messages that went back or were refused, where their kind is counted at all."""
    counted: list[Claimed] = []
    requests: list[Claimed] = []
    laws: dict[tuple[Channel, Purpose], Law] = {}
    for message in messages:
        key = (message.kind.channel, message.kind.purpose)
        law = laws.get(key) or laws.setdefault(key, rules.law(*key))
        if law.caps:
            counted.append(message)
        if law.requests:
            requests.append(message)
    await consent_requests.release(session, requests)
    await caps.release(session, counted)


async def prune(session: AsyncSession, rules: Rules) -> None:
    """Forgets counts that no longer matter."""
    longest = max((it.hours for it in rules.book.rules if isinstance(it, CapRule)), default=0)
    await caps.prune(session, longest, 5_000)


async def list_ages(session: AsyncSession, rules: Rules) -> dict[str, float]:
    """Seconds since each list that the rules name was complete; infinite for one that never was."""
    now = await claims.now(session)
    known = {it.name: it.as_of for it in await do_not_call.lists(session)}
    names = {it.list for it in rules.book.rules if isinstance(it, ListRule)}
    return {
        name: (now - as_of).total_seconds() if (as_of := known.get(name)) else float("inf")
        for name in sorted(names)
    }


async def facts_of(
    session: AsyncSession,
    channel: Channel,
    messages: Sequence[Claimed],
    run: Run | None,
    standards: Standards,
    now: datetime | None,
) -> Facts:
    """Reads what the gates need of these messages; locks nothing."""
    together = db.Together(session)
    facts = ask_facts(together, channel, messages, run, standards, now)
    await together.send()
    return facts()


def ask_facts(
    together: db.Together,
    channel: Channel,
    messages: Sequence[Claimed],
    run: Run | None,
    standards: Standards,
    now: datetime | None,
) -> Callable[[], Facts]:
    """As `facts_of`, once that is sent: each kind of fact by one statement."""
    keys = [it.address_key for it in messages]
    kinds = _kinds(messages)
    rules, secret = standards.rules, standards.secret
    hashes = {peppering.hashed(secret, channel, it): it for it in keys} if secret else {}
    standings = together.add(standing.ask(channel, keys, now, hashes))
    senders_of = {it.sender_identity_id for it in kinds if it.sender_identity_id}
    known = together.add(senders.ask_senders(list(senders_of)))
    laws = [rules.law(channel, purpose) for purpose in {it.purpose for it in kinds}]
    names = {rule.list for it in laws for rule in it.lists}
    lists = together.add(do_not_call.ask_lists()) if names else None
    listed = together.add(do_not_call.ask_listed(names, keys)) if names else None

    def read() -> Facts:
        there = standings()
        return Facts(
            there.at,
            run,
            known(),
            there.suppressed,
            there.agreed,
            listed=listed() if listed else {},
            lists_as_of={it.name: it.as_of for it in lists() if it.as_of} if lists else {},
            version=there.version,
        )

    return read


def _kinds(messages: Iterable[Claimed]) -> set[Kind]:
    """The different kinds of messages."""
    # To tell the same object from another takes much less than to tell what it says.
    return set({id(it.kind): it.kind for it in messages}.values())


async def _ask_once(
    session: AsyncSession,
    channel: Channel,
    messages: Sequence[Claimed],
    ask: Judge,
    now: datetime,
    secret: bytes,
) -> dict[UUID, Next]:
    """Notes requests for consent; returns those to addresses that were asked before."""
    rule_of = {it.key.message_id: rule for it in messages if (rule := ask.once(it))}
    if not rule_of:
        return {}
    wanted = [it for it in messages if it.key.message_id in rule_of]
    hashes = {it: peppering.hashed(secret, channel, it.address_key) for it in wanted}
    before = await consent_requests.asked(session, channel, list(hashes.values()))
    fresh = [it for it in wanted if hashes[it] not in before]
    first = await consent_requests.reserve(session, channel, fresh, now)
    return {
        id: Next(State.SKIPPED, Reason.ASKED_BEFORE, rule=rule)
        for id, rule in rule_of.items()
        if id not in first
    }


async def _count(
    session: AsyncSession,
    channel: Channel,
    messages: Sequence[Claimed],
    ask: Judge,
    now: datetime,
    is_straight: bool,
) -> dict[UUID, Next]:
    """Counts messages under their caps; returns those that have to wait for room."""
    limits: list[tuple[Claimed, Limit]] = []

    def uses() -> list[caps.Use]:
        limits.extend((it, limit) for it in messages if (limit := ask.limit(it)))
        return [caps.Use(it, limit.most) for it, limit in limits]

    # Where only some of a run's messages count, their rows do not tell which.
    least = ask.least(messages[0].kind) if messages and is_straight else None
    full: dict[UUID, datetime] = {}
    if least is not None:
        most, hours, _ = least
        full = await caps.reserve_straight(session, messages, most, hours, now, uses)
    elif counting := uses():
        full = await caps.reserve(session, channel, counting, limits[0][1].hours, now)
    return {
        it.key.message_id: Next(State.DEFERRED, Reason.CAP, until, limit.rule)
        for it, limit in limits
        if (until := full.get(it.key.message_id)) is not None
    }
