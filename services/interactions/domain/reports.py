"""Reports about follow-ups: their period, their figures, and which list each figure opens."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import DEFAULT_TIME_ZONE, Status, Type

MOST_DAYS = 3_660
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST, _LAST = date(1970, 1, 1), date(2199, 12, 31)

K = TypeVar("K", bound=Hashable)


class Grouping(StrEnum):
    """What the lines are."""

    ASSIGNEE = "assignee"
    CONTACT = "contact"


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


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which follow-ups a figure counts: those that start within the times and fit the rest."""

    start_from: datetime
    start_until: datetime
    assignee_id: UUID | None = None
    contact_id: UUID | None = None
    statuses: tuple[Status, ...] = ()
    types: tuple[Type, ...] = ()
    overdue_at: datetime | None = None
    unassigned: bool = False
    to_many: bool = False


@dataclass(frozen=True)
class Cell:
    """A number of follow-ups, and which they are."""

    count: int
    rows: Wanted


@dataclass(frozen=True)
class Figures:
    """The follow-ups of one user or contact; `group` is None for those without one."""

    group: UUID | None
    total: Cell
    overdue: Cell
    by_status: Mapping[Status, Cell]
    by_type: Mapping[Type, Cell]
    cells: Mapping[tuple[Type, Status], Cell] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The total, every follow-up once, and a page of lines; `many` are in no contact's line."""

    period: Period
    grouping: Grouping
    as_of: datetime
    total: Figures
    many: Cell
    rows: Sequence[Figures]


Counted = tuple[Type, Status, bool, int]
"""Type, status, whether overdue, and how many."""


def check_period(start: str, end: str, zone: str, problems: Problems) -> Period:
    """Returns a period that was asked for; notes each bad field."""
    first, after = _day(start, "start_date", problems), _day(end, "end_date", problems)
    name = fields.time_zone(zone, "time_zone", DEFAULT_TIME_ZONE, problems)
    if first is None or after is None:
        return Period(_FIRST, _LAST, "UTC")
    if after <= first:
        problems.add("end_date", "is not after start_date")
    elif after - first > timedelta(days=MOST_DAYS):
        problems.add("end_date", f"is more than {MOST_DAYS} days after start_date")
    return Period(first, after, name)


def _day(given: str, name: str, problems: Problems) -> date | None:
    try:
        found = date.fromisoformat(given) if _DAY.fullmatch(given) else None
    except ValueError:
        found = None
    if found is not None and _FIRST <= found <= _LAST:
        return found
    if not given:
        problems.add(name, "is required")
    elif found is None:
        problems.add(name, 'is no day such as "2026-03-01"')
    else:
        problems.add(name, "is not between 1970 and 2199")
    return None


def _midnight(day: date, zone: str) -> datetime:
    # Where midnight is skipped or comes twice, a day begins at the change, or the first time.
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def of_group(wanted: Wanted, grouping: Grouping, group: UUID | None) -> Wanted:
    """Returns which follow-ups are in the line of a group."""
    if grouping is Grouping.CONTACT:
        return replace(wanted, contact_id=group, to_many=group is None)
    return replace(wanted, assignee_id=group, unassigned=group is None)


def figures(
    group: UUID | None, wanted: Wanted, as_of: datetime, counted: Iterable[Counted]
) -> Figures:
    """Returns the figures of a group whose follow-ups are those `wanted`."""
    cells: dict[tuple[Type, Status], int] = {}
    late = 0
    for kind, status, overdue, number in counted:
        cells[kind, status] = cells.get((kind, status), 0) + number
        late += number if overdue else 0

    def summed(types: Sequence[Type], statuses: Sequence[Status], rows: Wanted) -> Cell:
        parts = (cells.get((kind, status), 0) for kind in types for status in statuses)
        return Cell(sum(parts), rows)

    types, statuses = tuple(Type), tuple(Status)
    return Figures(
        group=group,
        total=summed(types, statuses, wanted),
        overdue=Cell(late, replace(wanted, overdue_at=as_of)),
        by_status={it: summed(types, (it,), replace(wanted, statuses=(it,))) for it in statuses},
        by_type={it: summed((it,), statuses, replace(wanted, types=(it,))) for it in types},
        cells={
            key: Cell(number, replace(wanted, types=key[:1], statuses=key[1:]))
            for key, number in sorted(cells.items())
        },
    )


def grouped(counted: Iterable[tuple[K, Counted]]) -> dict[K, list[Counted]]:
    """Returns what was counted of each group."""
    found: dict[K, list[Counted]] = {}
    for group, it in counted:
        found.setdefault(group, []).append(it)
    return found
