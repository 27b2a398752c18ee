"""Whether a claimed message may go now; every gate in one place, strictest answer first.

What a batch needs was read before (`Facts`); here nothing is asked of anybody. Gates that count
(caps, requests for consent) come after all others, since a message that another gate stops must
not use a place up; `Judge` only tells which of them apply.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from services.notifier.domain import addresses, hours
from services.notifier.domain.hours import Where
from services.notifier.domain.rulebook import ListRule
from services.notifier.domain.rules import Law, Rules
from services.notifier.domain.states import Channel, Next, Purpose, Reason, RunState, State
from services.notifier.domain.work import NOBODY, Agreement, Claimed, Kind, Run, Sender, Suppressed

# While a list is too old, messages that need it are looked at again after so long.
STALE_LIST_PAUSE = timedelta(minutes=10)
# What is claimed in the last moments of its hours would not be on its way before they end.
CLOSING = timedelta(seconds=2)
_NEVER_PAUSE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read for a batch of one channel, each kind by one statement."""

    now: datetime
    run: Run | None = None
    senders: Mapping[UUID, Sender] = field(default_factory=dict)
    suppressions: Mapping[str, Sequence[Suppressed]] = field(default_factory=dict)
    agreements: Mapping[tuple[UUID, str], Agreement] = field(default_factory=dict)
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    lists_as_of: Mapping[str, datetime] = field(default_factory=dict)
    version: int = 0  # of the suppressions


class Limit(NamedTuple):
    """The cap that holds for a message: at most `most` in `hours`, by this rule."""

    most: int
    hours: int
    rule: str


def ended(run: Run) -> Next:
    """Where the waiting messages of a run that ended go."""
    if run.state == RunState.EXPIRED:
        return Next(State.EXPIRED, Reason.TIME_PASSED, rule="run.not_after")
    return Next(State.CANCELLED, Reason.RUN_CANCELLED, rule="run.cancelled")


class Judge:
    """Judges the messages of one batch; what they have in common is worked out once."""

    def __init__(self, rules: Rules, facts: Facts, default_zone: str) -> None:
        self.closes: datetime | None = None
        self._rules = rules
        self._facts = facts
        self._default = hours.zone(default_zone) or ZoneInfo("UTC")
        self._run = _of_run(facts)
        self._senders: dict[tuple[UUID, UUID, Channel, Purpose], Next | None] = {}
        self._hours: dict[object, Next | None] = {}
        self._limits: dict[int, Limit | None] = {}  # by the law, which is kept by the rules
        self._has_law: dict[tuple[Channel, Purpose], bool] = {}
        self._kind: Kind | None = None  # of the message that was judged last
        self._stopped: Next | None = None  # where all of that kind go
        self._is_free = False  # no law is about that kind

    def __call__(self, message: Claimed) -> Next | None:
        """Where the message goes instead of to the provider; None when it may go."""
        if self._run is not None:
            return self._run
        facts = self._facts
        if not message.address:
            return Next(State.SKIPPED, Reason.CONTACT_ERASED, rule="contact.erased")
        if message.not_after is not None and message.not_after <= facts.now:
            return Next(State.EXPIRED, Reason.TIME_PASSED, rule="message.not_after")
        if message.kind is not self._kind:
            kind = self._kind = message.kind
            self._stopped = self._sender(message)
            self._is_free = not self._any_law(kind.channel, kind.purpose)
        if self._stopped is not None:
            return self._stopped
        if facts.suppressions:
            for it in facts.suppressions.get(message.address_key, ()):
                if it.covers(message):
                    return Next(State.SKIPPED, Reason.SUPPRESSED, rule=_suppression_rule(it))
        return None if self._is_free else self._lawful(message)

    def limit(self, message: Claimed) -> Limit | None:
        """The cap that holds for a message; None when none does."""
        law = self._law(message)
        key = id(law)
        if key not in self._limits:
            self._limits[key] = _strictest(law)
        found = self._limits[key]
        if found is None:
            return None
        agreed = self._agreed(message)
        if agreed is not None and agreed.most is not None:
            return Limit(agreed.most, found.hours, "agreement.cap")
        return found

    def least(self, kind: Kind) -> Limit | None:
        """What no cap of messages of a kind is below, wherever the recipients are.

        None unless there is one for every such message.
        """
        if not self._rules.home_law(kind.channel, kind.purpose).caps:
            return None
        found = _strictest(self._rules.law(kind.channel, kind.purpose))
        agreed = [it.most for it in self._facts.agreements.values() if it.most is not None]
        return found._replace(most=min([found.most, *agreed])) if found else None

    def once(self, message: Claimed) -> str:
        """The rule that allows one such message ever to an address; empty when none does."""
        requests = self._law(message).requests
        return requests[0].id if requests else ""

    def _any_law(self, channel: Channel, purpose: Purpose) -> bool:
        """Whether any jurisdiction has hours or lists for such messages at all."""
        found = self._has_law.get((channel, purpose))
        if found is None:
            law = self._rules.law(channel, purpose)
            found = self._has_law[channel, purpose] = bool(law.hours or law.lists)
        return found

    def _law(self, message: Claimed) -> Law:
        kind = message.kind
        places = self._rules.places(message.address_key, message.time_zone)
        return self._rules.law(kind.channel, kind.purpose, places)

    def _agreed(self, message: Claimed) -> Agreement | None:
        if not self._facts.agreements:
            return None
        return self._facts.agreements.get((message.kind.advertiser_id, message.address_key))

    def _lawful(self, message: Claimed) -> Next | None:
        law = self._law(message)
        lists = [it for it in law.lists if message.address_key.startswith(it.prefixes)]
        for rule in lists:
            if message.address_key in self._facts.listed.get(rule.list, ()):
                return Next(State.SKIPPED, Reason.DO_NOT_CALL, rule=rule.id)
        if law.hours:
            stopped = self._within_hours(message, law)
            if stopped is not None:
                return stopped
        for rule in lists:
            if self._is_stale(rule):
                until = self._facts.now + STALE_LIST_PAUSE
                return Next(State.DEFERRED, Reason.DO_NOT_CALL_STALE, until, rule.id)
        return None

    def _is_stale(self, rule: ListRule) -> bool:
        as_of = self._facts.lists_as_of.get(rule.list)
        return as_of is None or self._facts.now - as_of > rule.max_age

    def _within_hours(self, message: Claimed, law: Law) -> Next | None:
        agreed = self._agreed(message)
        windows = agreed.windows if agreed is not None else None
        key = (id(law), message.time_zone, windows)
        if key not in self._hours:
            self._hours[key] = self._look_at_hours(message.time_zone, law, windows)
        return self._hours[key]

    def _look_at_hours(self, zone: str, law: Law, agreed: object) -> Next | None:
        everywhere = self._everywhere(zone, law, agreed)
        places = [where for _, where in everywhere]
        now = self._facts.now
        until = hours.opens(places, now)
        closes = hours.closes(places, now) if until == now else None
        if until == now and (closes is None or closes - now > CLOSING):
            if closes is not None:
                self.closes = min(closes, self.closes or closes)
            return None
        if until == now and closes is not None:
            until = hours.opens(places, closes)
        # The rule that did it is the one that opens last.
        late = max(everywhere, key=lambda it: it[1].opens(closes or now) or now + _NEVER_PAUSE)
        return Next(State.DEFERRED, Reason.OUTSIDE_HOURS, until or now + _NEVER_PAUSE, late[0])

    def _everywhere(self, zone: str, law: Law, agreed: object) -> list[tuple[str, Where]]:
        known = hours.zone(zone)
        zones = [known] if known else [ZoneInfo(it) for it in law.judged_in] or [self._default]
        if agreed is not None:
            return [("agreement.hours", Where(it, agreed)) for it in zones]  # type: ignore[arg-type]
        return [(rule.id, Where(it, rule.spans)) for rule in law.hours for it in zones]

    def _sender(self, message: Claimed) -> Next | None:
        kind = message.kind
        key = (
            kind.sender_identity_id or NOBODY,
            kind.advertiser_id,
            kind.channel,
            kind.purpose,
        )
        if key not in self._senders:
            self._senders[key] = self._look_at_sender(*key)
        return self._senders[key]

    def _look_at_sender(
        self, identity: UUID, advertiser: UUID, channel: Channel, purpose: Purpose
    ) -> Next | None:
        sender = self._facts.senders.get(identity)
        if sender is None or sender.advertiser_id != advertiser:
            return Next(State.SKIPPED, Reason.SENDER_MISSING, rule="sender.missing")
        rules = self._rules.home_law(channel, purpose).senders
        if sender.expires_at and sender.expires_at <= self._facts.now:
            rule = rules[0].id if rules else "sender.expired"
            return Next(State.SKIPPED, Reason.SENDER_EXPIRED, rule=rule)
        for it in rules:
            if addresses.brand_trouble(sender.address, it.longest, it.symbols):
                return Next(State.SKIPPED, Reason.SENDER_INVALID, rule=it.id)
        return None


def _strictest(law: Law) -> Limit | None:
    """The cap of a law that lets fewest through."""
    rule = min(law.caps, key=lambda it: it.most, default=None)
    return None if rule is None else Limit(rule.most, rule.hours, rule.id)


def _of_run(facts: Facts) -> Next | None:
    """What befalls all of a run alike."""
    run = facts.run
    if run is None:
        return None
    if run.state in (RunState.CANCELLED, RunState.EXPIRED):
        return ended(run)
    if run.not_after is not None and run.not_after <= facts.now:
        return Next(State.EXPIRED, Reason.TIME_PASSED, rule="run.not_after")
    return None


def _suppression_rule(it: Suppressed) -> str:
    return "suppression." + (re.sub(r"[^a-z0-9]+", "_", it.reason.lower()).strip("_") or "any")
