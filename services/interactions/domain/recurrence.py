"""When things recur: a calendar rule's times, by the clock of a zone, across its changes.

A rule counts wall-clock times. One that does not exist in the zone that day moves forward by the
gap (02:30 becomes 03:30), as RFC 5545 (3.3.5) reads such a time and calendar programs show it; one
that exists twice is the first. See ADR 0018.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from services.interactions.domain import rrule
from services.interactions.domain.rrule import Rule, RuleRefused

HORIZON = timedelta(days=60)
"""How far ahead occurrences are planned."""

FIRST_YEAR, LAST_YEAR = 2000, 2100
# Times of one day may change places when clocks do: what is before a moment is known a day on.
_SLACK = timedelta(days=1)


class StartRefused(RuleRefused):
    """The start cannot be kept, whatever the rule; its message says why."""


@dataclass(frozen=True)
class Calendar:
    """A calendar rule. `start` and `exceptions` are wall-clock times of `zone`, an IANA name."""

    rule: Rule
    start: datetime
    zone: str
    exceptions: frozenset[datetime] = frozenset()


@dataclass(frozen=True)
class Cursor:
    """Where planning goes on: at the wall-clock time `local`; `passed` came before by the rule."""

    local: datetime
    passed: int


@dataclass(frozen=True)
class Slice:
    """Times to plan, in UTC; where to go on, None when the rule ends; and when to."""

    times: Sequence[datetime]
    cursor: Cursor | None
    due: datetime | None


def calendar(text: str, start: datetime, zone: str, exceptions: Iterable[datetime]) -> Calendar:
    """Returns the rule that is kept as these; raises `RuleRefused`.

    Refuses one that gives no time at all, or none that is left by its exceptions.
    """
    if not FIRST_YEAR <= start.year <= LAST_YEAR:
        raise StartRefused(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    made = Calendar(rrule.read(text, zone), start, zone, frozenset(exceptions))
    if made.rule.until is not None and made.rule.until < start:
        raise RuleRefused("ends before its start")
    # One more than the exceptions: they may be among the first.
    some = islice(made.rule.times(start), len(made.exceptions) + 1)
    if all(it in made.exceptions for it in some):
        raise RuleRefused("gives no time")
    return made


def instant(local: datetime, zone: str) -> datetime:
    """Returns the UTC time of a wall-clock time: moved forward in a gap, the first of two."""
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def wall_clock(moment: datetime, zone: str) -> datetime:
    """Returns what the zone's clock shows."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def today(now: datetime, zone: str) -> datetime:
    """Returns when the current day began in the zone."""
    return instant(datetime.combine(wall_clock(now, zone).date(), time.min), zone)


def cursor(kept: Calendar, since: datetime) -> Cursor | None:
    """Returns where planning begins that passes over what is before `since`; None: nowhere."""
    for passed, local in enumerate(kept.rule.times(kept.start)):
        if local >= wall_clock(since, kept.zone) - _SLACK:
            return Cursor(local, passed)
    return None


def tail(kept: Calendar, at: Cursor) -> Calendar:
    """Returns the rule's rest from one of its own times: the same rule, begun there."""
    return replace(kept, rule=kept.rule.without(at.passed), start=at.local)


def occurrences(kept: Calendar, since: datetime, most: int) -> list[tuple[datetime, datetime]]:
    """Returns up to `most` (UTC, wall-clock) from `since` on, in order, each once."""
    begun = cursor(kept, since)
    if begun is None:
        return []
    rest, found = tail(kept, begun), dict[datetime, datetime]()
    # Those that change places or fall together do so within a day.
    for local in islice(_left(rest), most + 3 * rrule.MOST_TIMES):
        found.setdefault(instant(local, kept.zone), local)
    return sorted(it for it in found.items() if it[0] >= since)[:most]


def plan(kept: Calendar, at: Cursor, since: datetime, horizon: datetime, most: int) -> Slice:
    """Returns up to `most` times from the cursor to before `horizon`, and where to go on.

    What comes before `since` is passed over. The next look is due when the next time comes
    within reach.
    """
    times: list[datetime] = []
    for passed, local in enumerate(tail(kept, at).rule.times(at.local), at.passed):
        moment = instant(local, kept.zone)
        if moment >= horizon or len(times) == most:
            return Slice(times, Cursor(local, passed), moment - HORIZON)
        if local not in kept.exceptions and moment >= since:
            times.append(moment)
    return Slice(times, None, None)


def locals_at(kept: Calendar, moment: datetime) -> list[tuple[datetime, int]]:
    """Returns the rule's wall-clock times that are this moment, each with how many came before.

    Two are where one moved onto the other; exceptions are left out.
    """
    near, found = wall_clock(moment, kept.zone), list[tuple[datetime, int]]()
    for passed, local in enumerate(kept.rule.times(kept.start)):
        if local > near + _SLACK:
            break
        if local not in kept.exceptions and instant(local, kept.zone) == moment:
            found.append((local, passed))
    return found


def split(kept: Calendar, at: datetime) -> tuple[Calendar, Calendar] | None:
    """Returns what comes before and from the wall-clock time `at` of the rule; None if no part."""
    last, passed = None, 0
    for local in kept.rule.times(kept.start):
        if local >= at:
            break
        last, passed = local, passed + 1
    else:
        return None
    if last is None or local != at:
        return None
    before = replace(
        kept,
        rule=kept.rule.ending(last),
        exceptions=frozenset(it for it in kept.exceptions if it < at),
    )
    after = tail(kept, Cursor(at, passed))
    return before, replace(after, exceptions=frozenset(it for it in kept.exceptions if it >= at))


def days_after(moment: datetime, days: int, clock: time, zone: str) -> datetime:
    """Returns the UTC time `days` days after the day of a moment, when the clock shows `clock`."""
    return at_clock(wall_clock(moment, zone).date() + timedelta(days=days), clock, zone)


def at_clock(day: date, clock: time, zone: str) -> datetime:
    """Returns the UTC time when the clock of a zone shows `clock` on a day."""
    return instant(datetime.combine(day, clock), zone)


def _left(kept: Calendar) -> Iterator[datetime]:
    return (it for it in kept.rule.times(kept.start) if it not in kept.exceptions)
