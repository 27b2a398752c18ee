"""How often something recurs: between the fields of a form and the text of an RRULE (RFC 5545)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal, cast

Every = Literal["daily", "weekly", "monthly", "yearly", "own"]

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
EVERY: tuple[Every, ...] = ("daily", "weekly", "monthly", "yearly", "own")
LAST_DAY = -1
MOST_COUNT = 10_000
MOST_INTERVAL = 1_000
MONTH_DAYS = (*range(1, 32), LAST_DAY)

_UNTIL = re.compile(r"(\d{8})(?:T(\d{6}))?")
_OWN_DAY = {"weekly": "BYDAY", "monthly": "BYMONTHDAY"}


@dataclass(frozen=True)
class Recurrence:
    """What the form shows; what it cannot show is `own`, an RRULE as it was typed.

    No `weekdays` and no `month_day` mean those of the start. `until` is the last day; it and
    `count` exclude each other. Of one that is `own` only `own` counts.
    """

    every: Every
    interval: int = 1
    weekdays: tuple[str, ...] = ()
    month_day: int | None = None
    until: date | None = None
    count: int | None = None
    own: str = ""


def rrule(wanted: Recurrence) -> str:
    """Return the RRULE of what the form holds."""
    if wanted.every == "own":
        return wanted.own.strip()
    parts = [f"FREQ={wanted.every.upper()}"]
    if wanted.interval != 1:
        parts.append(f"INTERVAL={wanted.interval}")
    if wanted.every == "weekly" and wanted.weekdays:
        parts.append(f"BYDAY={','.join(it for it in WEEKDAYS if it in wanted.weekdays)}")
    if wanted.every == "monthly" and wanted.month_day is not None:
        parts.append(f"BYMONTHDAY={wanted.month_day}")
    if wanted.count is not None:
        parts.append(f"COUNT={wanted.count}")
    elif wanted.until is not None:
        parts.append(f"UNTIL={wanted.until:%Y%m%d}")
    return ";".join(parts)


def read(text: str, clock: time) -> Recurrence:
    """Return what the form shows of an RRULE whose times are at `clock` of the day.

    The same times come of what `rrule` makes of it; what the form has no fields for is `own`.
    """
    try:
        return _read(text, clock)
    except (ValueError, KeyError):
        return Recurrence("own", own=text)


def carried(exceptions: Iterable[str], before: str, after: str) -> list[str]:
    """Return the times that were left out, as they are once a series starts at `after`.

    All are wall-clock times such as 2026-03-01T09:00:00. Those at the old start's time of day
    move to the new one's, so that a day that was left out stays left out; the rest stay.
    """
    old, new = datetime.fromisoformat(before).time(), datetime.fromisoformat(after).time()
    times = (datetime.fromisoformat(it) for it in exceptions)
    moved = (datetime.combine(it.date(), new) if it.time() == old else it for it in times)
    return [it.isoformat() for it in moved]


def _read(text: str, clock: time) -> Recurrence:
    said = _split(text)
    every = cast(Every, said.pop("FREQ").lower())
    if every not in EVERY[:4]:
        raise ValueError(every)
    made = Recurrence(every, interval=_number(said.pop("INTERVAL", "1"), MOST_INTERVAL))
    if "COUNT" in said:
        made = replace(made, count=_number(said.pop("COUNT"), MOST_COUNT))
    if "UNTIL" in said:
        if made.count is not None:
            raise ValueError("COUNT")
        made = replace(made, until=_last_day(said.pop("UNTIL"), clock))
    days = said.pop(_OWN_DAY[every], None) if every in _OWN_DAY else None
    if said:
        raise ValueError("no field for it")
    if days is None:
        return made
    if every == "weekly":
        return replace(made, weekdays=_weekdays(days))
    month_day = int(days)
    if month_day not in MONTH_DAYS:
        raise ValueError(days)
    return replace(made, month_day=month_day)


def _split(text: str) -> dict[str, str]:
    """Return the parts of an RRULE; raises `ValueError` for one that says a part twice."""
    said: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or name in said:
            raise ValueError(part)
        said[name] = value
    return said


def _number(text: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise ValueError(text)
    return int(text)


def _weekdays(text: str) -> tuple[str, ...]:
    given = text.split(",")
    if not set(given) <= set(WEEKDAYS):
        raise ValueError(text)
    return tuple(it for it in WEEKDAYS if it in given)


def _last_day(text: str, clock: time) -> date:
    """Return the last day that a wall-clock UNTIL leaves a time at `clock` on."""
    said = _UNTIL.fullmatch(text)
    if said is None:  # in UTC: which day that is, its zone decides
        raise ValueError(text)
    day = datetime.strptime(said[1], "%Y%m%d").date()  # noqa: DTZ007 (wall-clock)
    if said[2] is None:
        return day
    ends = datetime.strptime(said[2], "%H%M%S").time()  # noqa: DTZ007 (wall-clock)
    return day if clock <= ends else day - timedelta(days=1)
