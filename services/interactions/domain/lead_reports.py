"""What was done with the leads of a period, and which list each figure opens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.reports import Period

MOST_OWNERS = 100


class Touch(StrEnum):
    """What was done with a lead by now; who answered was touched."""

    UNTOUCHED = "untouched"
    TOUCHED = "touched"
    ANSWERED = "answered"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which leads a figure counts: created within the times, and fitting the rest.

    `owner_ids` are main owners, None among them nobody; empty for all, as `touch` is None.
    """

    created_from: datetime | None = None
    created_until: datetime | None = None
    owner_ids: tuple[UUID | None, ...] = ()
    touch: Touch | None = None


@dataclass(frozen=True)
class Cell:
    """A number of leads, and which they are."""

    count: int
    rows: Wanted


@dataclass(frozen=True)
class Figures:
    """The leads of one main owner; `owner_id` is None for nobody, and in the total."""

    owner_id: UUID | None
    leads: Cell
    touched: Cell
    untouched: Cell
    answered: Cell


@dataclass(frozen=True)
class Report:
    """The total, every lead once, and a line for each main owner."""

    period: Period
    total: Figures
    rows: Sequence[Figures]


class Counted(NamedTuple):
    """How many leads a main owner has, and how many of them were touched, and answered."""

    owner_id: UUID | None
    leads: int
    touched: int
    answered: int


def of_period(period: Period, owner_ids: tuple[UUID | None, ...]) -> Wanted:
    """Returns which leads a report is about."""
    return Wanted(
        created_from=period.start_time, created_until=period.end_time, owner_ids=owner_ids
    )


def report(period: Period, wanted: Wanted, counted: Iterable[Counted]) -> Report:
    """Returns the report of the leads `wanted`, most leads first."""
    known = sorted(counted, key=lambda it: (-it.leads, str(it.owner_id or "")))
    whole = Counted(
        None,
        sum(it.leads for it in known),
        sum(it.touched for it in known),
        sum(it.answered for it in known),
    )
    rows = [_figures(it, replace(wanted, owner_ids=(it.owner_id,))) for it in known]
    return Report(period, _figures(whole, wanted), rows)


def _figures(of: Counted, wanted: Wanted) -> Figures:
    def cell(count: int, touch: Touch | None) -> Cell:
        return Cell(count, replace(wanted, touch=touch))

    return Figures(
        owner_id=of.owner_id,
        leads=cell(of.leads, None),
        touched=cell(of.touched, Touch.TOUCHED),
        untouched=cell(of.leads - of.touched, Touch.UNTOUCHED),
        answered=cell(of.answered, Touch.ANSWERED),
    )


def owners(given: Sequence[str], problems: Problems) -> tuple[UUID | None, ...]:
    """Returns main owners that were asked for, None for an empty id; notes each bad one."""
    if len(given) > MOST_OWNERS:
        problems.add("owner_ids", f"more than {MOST_OWNERS}")
        return ()
    found = [
        fields.uuid(it, f"owner_ids[{place}]", problems) if it else None
        for place, it in enumerate(given)
    ]
    return tuple(dict.fromkeys(found))
