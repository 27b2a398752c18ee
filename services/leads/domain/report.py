"""Reports about leads: their period, their figures, and which list each figure opens."""

import math
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from services.leads.domain.contact import Conversion, Status
from services.leads.domain.fields import Checks
from services.leads.domain.listing import Filter

MOST_DAYS = 3_660
SMALL = 30
"""Below so many leads a rate is marked: one conversion moves it by more than 3 points, and its
interval of 95 % may span 34."""
_Z = 1.959963984540054  # the normal distribution has 95 % within as many deviations
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST, _LAST = date(1970, 1, 1), date(2199, 12, 31)

EVER_LEADS = (Conversion.NONE, Conversion.HAND, Conversion.FIRST_SALE)
CONVERTED = (Conversion.HAND, Conversion.FIRST_SALE)
_OPEN = (Status.NEW, Status.CONTACTED, Status.QUALIFIED)


class Grouping(IntEnum):
    """What the lines of a conversion report are; numbers are those of the contract."""

    OWNER = 1
    SOURCE = 2
    STAGE = 3


@dataclass(frozen=True)
class Period:
    """Local days from `start` until before `end`, in the IANA zone `zone`."""

    start: date
    end: date
    zone: str

    @property
    def start_time(self) -> datetime:
        """When the first day begins."""
        return _midnight(self.start, self.zone)

    @property
    def end_time(self) -> datetime:
        """When the last day is over."""
        return _midnight(self.end, self.zone)


@dataclass(frozen=True)
class Cell:
    """A number of contacts, and the filter of the list that has exactly those."""

    count: int
    rows: Filter


@dataclass(frozen=True)
class Rate:
    """A share with its Wilson interval of 95 %; `small` warns of too few."""

    value: float
    low: float
    high: float
    small: bool


@dataclass(frozen=True)
class Conversions:
    """The leads of one group and what became of them; `group` is None for those in none."""

    group: UUID | None
    leads: Cell
    converted: Cell
    first_sale: Cell
    hand: Cell
    lost: Cell
    open: Cell
    rate: Rate


Names = Mapping[UUID | None, str]


@dataclass(frozen=True)
class Asked:
    """A period, and of which sources and main owners; None among ids stands for none."""

    period: Period
    source_ids: tuple[UUID | None, ...] = ()
    owner_ids: tuple[UUID | None, ...] = ()

    @property
    def wanted(self) -> Filter:
        """The filter of all leads that are asked about."""
        return within(self.period, self.source_ids, self.owner_ids)


@dataclass(frozen=True)
class ConversionReport:
    """The total, every lead once, and a line for each group; names as far as leads has them."""

    period: Period
    grouping: Grouping
    total: Conversions
    rows: list[Conversions]
    names: Names


K = TypeVar("K", bound=Hashable)
Counts = Mapping[tuple[Conversion, Status], int]
"""How many contacts by how they were converted and their status."""


def check_period(checks: Checks, start: str, end: str, zone: str) -> Period:
    """Return a period that was asked for; notes each bad field."""
    first, after = check_day(checks, "start_date", start), check_day(checks, "end_date", end)
    name = checks.time_zone("time_zone", zone)
    if first is None or after is None:
        return Period(_FIRST, _LAST, "UTC")
    check_days(checks, first, after)
    return Period(first, after, name if not checks.violations else "UTC")


def check_days(checks: Checks, start: date, end: date) -> None:
    """Note days that end before they begin, or are too many."""
    if end <= start:
        checks.wrong("end_date", "is not after start_date")
    elif end - start > timedelta(days=MOST_DAYS):
        checks.wrong("end_date", f"is more than {MOST_DAYS} days after start_date")


def check_day(checks: Checks, name: str, value: str) -> date | None:
    """Return a day; notes what is none and returns None."""
    if not value:
        checks.wrong(name, "is required")
        return None
    try:
        found = date.fromisoformat(value) if _DAY.fullmatch(value) else None
    except ValueError:
        found = None
    if found is None:
        checks.wrong(name, 'is no day such as "2026-03-01"')
    elif not _FIRST <= found <= _LAST:
        checks.wrong(name, "is not between 1970 and 2199")
    else:
        return found
    return None


def _midnight(day: date, zone: str) -> datetime:
    # Where midnight is skipped or comes twice, a day begins at the change, or the first time.
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def wilson(part: int, whole: int) -> Rate:
    """Return the share `part` of `whole` with its interval; all of 0 to 1 may be for none."""
    if whole == 0:
        return Rate(0.0, 0.0, 1.0, small=True)
    share, square = part / whole, _Z * _Z
    middle = share + square / (2 * whole)
    spread = _Z * math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    below = 1 + square / whole
    low = 0.0 if part == 0 else (middle - spread) / below
    high = 1.0 if part == whole else (middle + spread) / below
    return Rate(share, low, high, small=whole < SMALL)


def within(
    period: Period, source_ids: tuple[UUID | None, ...], owner_ids: tuple[UUID | None, ...]
) -> Filter:
    """Return the filter of all leads that a report is about."""
    return Filter(
        created_from=period.start_time,
        created_until=period.end_time,
        conversions=EVER_LEADS,
        source_ids=source_ids,
        main_owner_ids=owner_ids,
    )


def of_group(wanted: Filter, grouping: Grouping, group: UUID | None) -> Filter:
    """Return the filter of the leads of one group."""
    match grouping:
        case Grouping.OWNER:
            return replace(wanted, main_owner_ids=(group,))
        case Grouping.SOURCE:
            return replace(wanted, source_ids=(group,))
        case Grouping.STAGE:
            return replace(wanted, passed_stage_ids=(group,))


def conversions(group: UUID | None, wanted: Filter, counts: Counts) -> Conversions:
    """Return the figures of a group whose leads `wanted` lists."""

    def cell(how: tuple[Conversion, ...], statuses: tuple[Status, ...] = ()) -> Cell:
        count = sum(
            number
            for (conversion, status), number in counts.items()
            if conversion in how and (not statuses or status in statuses)
        )
        return Cell(count, replace(wanted, conversions=how, statuses=statuses))

    leads, converted = cell(EVER_LEADS), cell(CONVERTED)
    return Conversions(
        group=group,
        leads=leads,
        converted=converted,
        first_sale=cell((Conversion.FIRST_SALE,)),
        hand=cell((Conversion.HAND,)),
        lost=cell((Conversion.NONE,), (Status.LOST,)),
        open=cell((Conversion.NONE,), _OPEN),
        rate=wilson(converted.count, leads.count),
    )


def spread(counted: Iterable[tuple[K, Conversion, Status, int]]) -> dict[K, Counts]:
    """Return the counts of each group."""
    found: dict[K, dict[tuple[Conversion, Status], int]] = {}
    for group, conversion, status, number in counted:
        of = found.setdefault(group, {})
        of[conversion, status] = of.get((conversion, status), 0) + number
    return dict(found)
