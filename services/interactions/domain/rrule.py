"""RRULE of RFC 5545, read strictly: what is refused says why, and nothing kept runs wild."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import lru_cache
from itertools import takewhile
from typing import Any, Literal
from zoneinfo import ZoneInfo

from dateutil import rrule as library

Frequency = Literal[0, 1, 2, 3]

MOST_TIMES = 8
"""Times a day at most; so many that a rule gives at most 480 in 60 days."""

MOST_COUNT = 10_000
MOST_INTERVAL = 1_000
LONGEST = 500

_FREQUENCIES: Mapping[str, Frequency] = {
    "DAILY": library.DAILY,
    "WEEKLY": library.WEEKLY,
    "MONTHLY": library.MONTHLY,
    "YEARLY": library.YEARLY,
}
_TOO_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
_DAYS = {name: getattr(library, name) for name in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")}
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")

# The calendar repeats every 400 years, weekdays included. A rule that never matches is sought by
# the library until the year 9999; there it is asked about the last of these cycles, so that the
# search ends after less than 400 years instead of 8,000.
_CYCLES = 7_600
_LAST = datetime(9_900, 1, 1)  # noqa: DTZ001 (wall-clock)


class RuleRefused(ValueError):
    """The text is no rule that is kept; its message says why."""


@dataclass(frozen=True)
class Rule:
    """A rule that was read. `until` is wall-clock and inclusive; `parts` are the BYxxx and WKST."""

    freq: Frequency
    interval: int
    count: int | None
    until: datetime | None
    parts: tuple[tuple[str, Any], ...]
    texts: tuple[tuple[str, str], ...]

    def times(self, start: datetime) -> Iterator[datetime]:
        """Yields its wall-clock times from `start`, a year from 2000 to 2100, in order.

        Ends by itself in at most 300 years.
        """
        shifted = start.replace(year=start.year + _CYCLES)
        # The library wants no UNTIL beside COUNT.
        until = None if self.count is not None else self._until_shifted()
        found = library.rrule(
            self.freq,
            dtstart=shifted,
            interval=self.interval,
            count=self.count,
            until=until,
            **dict(self.parts),
        )
        near = takewhile(lambda it: it < _LAST, found)
        return (it.replace(year=it.year - _CYCLES) for it in near)

    def text(self) -> str:
        """Returns the rule as RRULE writes it; UNTIL as wall-clock time."""
        written = dict(self.texts)
        if self.interval != 1:
            written["INTERVAL"] = str(self.interval)
        if self.count is not None:
            written["COUNT"] = str(self.count)
        if self.until is not None:
            written["UNTIL"] = f"{self.until:%Y%m%dT%H%M%S}"
        return ";".join(f"{name}={value}" for name, value in written.items())

    def _until_shifted(self) -> datetime:
        if self.until is None or self.until.year + _CYCLES >= _LAST.year:
            return _LAST
        return self.until.replace(year=self.until.year + _CYCLES)

    def ending(self, until: datetime) -> "Rule":
        """Returns the rule with no time after `until`."""
        return replace(self, count=None, until=until)

    def without(self, passed: int) -> "Rule":
        """Returns the rule that goes on from its time number `passed`, the first being 0."""
        return self if self.count is None else replace(self, count=self.count - passed)


def read(given: str, zone: str) -> Rule:
    """Returns the rule that a text says; raises `RuleRefused`.

    `zone` is an IANA name, in which an UNTIL in UTC is understood.
    """
    if len(given) > LONGEST:
        raise RuleRefused(f"longer than {LONGEST} characters")
    return _read(given, zone)


@lru_cache(maxsize=4_096)
def _read(given: str, zone: str) -> Rule:
    said = _split(given)
    freq = said.pop("FREQ", "")
    if freq in _TOO_OFTEN:
        raise RuleRefused(f"FREQ={freq} is too often; DAILY is the most")
    if freq not in _FREQUENCIES:
        raise RuleRefused("needs FREQ: DAILY, WEEKLY, MONTHLY or YEARLY")
    interval = _number("INTERVAL", said.pop("INTERVAL", "1"), 1, MOST_INTERVAL)
    count, until = said.pop("COUNT", None), said.pop("UNTIL", None)
    if count is not None and until is not None:
        raise RuleRefused("has both COUNT and UNTIL")
    parts = {}
    for name, value in said.items():
        argument, check = _PARTS[name]
        parts[argument] = check(name, value)
    _fit(freq, said)
    _bounded(parts)
    return Rule(
        freq=_FREQUENCIES[freq],
        interval=interval,
        count=None if count is None else _number("COUNT", count, 1, MOST_COUNT),
        until=None if until is None else _until(until, zone),
        parts=tuple(parts.items()),
        texts=(("FREQ", freq), *said.items()),
    )


def _split(given: str) -> dict[str, str]:
    text = given.strip().upper()
    if not text:
        raise RuleRefused("is required")
    if "DTSTART" in text or "TZID" in text:
        raise RuleRefused("holds DTSTART or TZID, which are fields of their own")
    said: dict[str, str] = {}
    for part in text.removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise RuleRefused(f"{part[:40]!r} is not NAME=VALUE")
        if name not in _PARTS and name not in ("FREQ", "INTERVAL", "COUNT", "UNTIL"):
            raise RuleRefused(f"{name[:40]!r} is no part of a rule")
        if name in said:
            raise RuleRefused(f"says {name} twice")
        said[name] = value
    return said


def _number(name: str, value: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", value) or not least <= int(value) <= most:
        raise RuleRefused(f"{name} must be a number from {least} to {most}")
    return int(value)


def _until(value: str, zone: str) -> datetime:
    """A date means its whole day; a UTC time is what the zone's clock shows then."""
    said = _UNTIL.fullmatch(value)
    try:
        if said is None:
            raise ValueError(value)
        date, clock, utc = said.groups()
        if clock is None:
            until = datetime.combine(datetime.strptime(date, "%Y%m%d"), time.max)  # noqa: DTZ007
            return until.replace(microsecond=0)
        until = datetime.strptime(date + clock, "%Y%m%d%H%M%S")  # noqa: DTZ007 (wall-clock)
        if utc:
            until = until.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return until
    except (ValueError, OverflowError):
        raise RuleRefused("UNTIL must be a date or a time, as 20261231T170000Z") from None


def _numbers(least: int, most: int, *, signed: bool = False) -> Callable[[str, str], Any]:
    def check(name: str, value: str) -> tuple[int, ...]:
        found = {_number(name, each, -most if signed else least, most) for each in value.split(",")}
        if signed and 0 in found:
            raise RuleRefused(f"{name} cannot be 0")
        return tuple(sorted(found))

    return check


def _weekdays(name: str, value: str) -> tuple[Any, ...]:
    found = []
    for each in value.split(","):
        said = _DAY.fullmatch(each)
        if said is None:
            raise RuleRefused(f"{name} must be days such as MO or -1FR")
        nth, day = said.groups()
        if nth is not None:
            _number(name, nth, -53, 53)
            if int(nth) == 0:
                raise RuleRefused(f"{name} cannot be 0")
        found.append(_DAYS[day](int(nth)) if nth else _DAYS[day])
    return tuple(dict.fromkeys(found))


def _week_start(name: str, value: str) -> Any:
    if value not in _DAYS:
        raise RuleRefused(f"{name} must be a day such as MO")
    return _DAYS[value]


_PARTS: Mapping[str, tuple[str, Callable[[str, str], Any]]] = {
    "BYSECOND": ("bysecond", _numbers(0, 59)),
    "BYMINUTE": ("byminute", _numbers(0, 59)),
    "BYHOUR": ("byhour", _numbers(0, 23)),
    "BYDAY": ("byweekday", _weekdays),
    "BYMONTHDAY": ("bymonthday", _numbers(1, 31, signed=True)),
    "BYYEARDAY": ("byyearday", _numbers(1, 366, signed=True)),
    "BYWEEKNO": ("byweekno", _numbers(1, 53, signed=True)),
    "BYMONTH": ("bymonth", _numbers(1, 12)),
    "BYSETPOS": ("bysetpos", _numbers(1, 366, signed=True)),
    "WKST": ("wkst", _week_start),
}


def _fit(freq: str, said: Mapping[str, str]) -> None:
    """Refuses parts that RFC 5545 (3.3.10) forbids together."""
    if "BYWEEKNO" in said and freq != "YEARLY":
        raise RuleRefused("BYWEEKNO goes with FREQ=YEARLY only")
    if "BYYEARDAY" in said and freq != "YEARLY":
        raise RuleRefused("BYYEARDAY goes with FREQ=YEARLY only")
    if "BYMONTHDAY" in said and freq == "WEEKLY":
        raise RuleRefused("BYMONTHDAY does not go with FREQ=WEEKLY")
    if re.search(r"\d", said.get("BYDAY", "")):
        if freq not in ("MONTHLY", "YEARLY"):
            raise RuleRefused("BYDAY with a number goes with MONTHLY and YEARLY only")
        if "BYWEEKNO" in said:
            raise RuleRefused("BYDAY with a number does not go with BYWEEKNO")
    # The library counts the first week's from its start only, so that a rule begun at one of its
    # own times would be another. Nothing is lost: a week's nth of some days is always one day.
    if "BYSETPOS" in said and freq == "WEEKLY":
        raise RuleRefused("BYSETPOS does not go with FREQ=WEEKLY; name the day")
    if "BYSETPOS" in said and len([it for it in said if it.startswith("BY")]) < 2:
        raise RuleRefused("BYSETPOS needs another BY part")


def _bounded(parts: Mapping[str, Any]) -> None:
    daily = 1
    for name in ("byhour", "byminute", "bysecond"):
        daily *= len(parts.get(name, ())) or 1
    if daily > MOST_TIMES:
        raise RuleRefused(f"gives {daily} times a day; at most {MOST_TIMES}")
