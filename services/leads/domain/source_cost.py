"""What sources cost, and which part of it belongs to the days of a report."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from services.leads.domain.fields import Checks
from services.leads.domain.report import check_day, check_days

_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST = 2**53
_NO_DAY = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class SourceCost:
    """`amount` minor units of `currency` for the days from `start_date` until before `end_date`."""

    id: UUID
    source_id: UUID
    start_date: date
    end_date: date
    amount: int
    currency: str
    note: str = ""
    creator_id: str
    create_time: datetime
    revision: int = 1


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A cost as somebody wrote it."""

    source_id: str = ""
    start_date: str = ""
    end_date: str = ""
    amount: int = 0
    currency: str = ""
    note: str = ""


def check(draft: Draft, *, new_id: UUID, creator_id: str, now: datetime) -> SourceCost:
    """Return the cost; raises `InvalidArgument` naming each bad field."""
    checks = Checks("source_cost.")
    source_id = checks.id("source_id", draft.source_id)
    start = check_day(checks, "start_date", draft.start_date)
    end = check_day(checks, "end_date", draft.end_date)
    if start and end:
        check_days(checks, start, end)
    if draft.amount <= 0:
        checks.wrong("amount", "is not more than 0")
    elif draft.amount > _MOST:
        checks.wrong("amount", "is too large")
    currency = draft.currency or "VND"
    if not _CURRENCY.fullmatch(currency):
        checks.wrong("currency", 'is no currency such as "VND"')
    note = checks.line("note", draft.note, 200)
    checks.finish()
    return SourceCost(
        id=new_id,
        source_id=source_id,
        start_date=start or _NO_DAY,
        end_date=end or _NO_DAY,
        amount=draft.amount,
        currency=currency,
        note=note,
        creator_id=creator_id,
        create_time=now,
    )


def changed(before: SourceCost, given: Draft, fields: Collection[str]) -> SourceCost:
    """Return the cost with the named fields as given; raises as `check`."""
    known = Draft(
        source_id=str(before.source_id),
        start_date=before.start_date.isoformat(),
        end_date=before.end_date.isoformat(),
        amount=before.amount,
        currency=before.currency,
        note=before.note,
    )
    wanted = replace(known, **{it: getattr(given, it) for it in fields})
    after = check(wanted, new_id=before.id, creator_id=before.creator_id, now=before.create_time)
    after = replace(after, revision=before.revision)
    return after if after == before else replace(after, revision=before.revision + 1)


def check_days_asked(start: str, end: str) -> tuple[date | None, date | None]:
    """Return the days that a list is asked for, None for one not said; raises naming bad ones."""
    checks = Checks()
    first = check_day(checks, "start_date", start) if start else None
    after = check_day(checks, "end_date", end) if end else None
    if first and after and after <= first:
        checks.wrong("end_date", "is not after start_date")
    checks.finish()
    return first, after


def share(cost: SourceCost, start: date, end: date) -> int:
    """Return the part of a cost, in minor units, that the days from `start` until `end` bear.

    Each day bears as much, to the minor unit: what days before and after a report's bear comes
    out of the same rounding, so that reports of days that follow each other sum to the whole.
    """
    days = (cost.end_date - cost.start_date).days

    def until(day: date) -> int:
        passed = min(max((day - cost.start_date).days, 0), days)
        return cost.amount * passed // days

    return until(end) - until(start)


def shares(costs: Iterable[SourceCost], start: date, end: date) -> dict[UUID, dict[str, int]]:
    """Return what the days bear by source and currency."""
    found: dict[UUID, dict[str, int]] = {}
    for it in costs:
        by_currency = found.setdefault(it.source_id, {})
        by_currency[it.currency] = by_currency.get(it.currency, 0) + share(it, start, end)
    return found


def each(amount: int, customers: int) -> int | None:
    """Return an amount for each of so many, halves rounded up; None without anybody."""
    return (2 * amount + customers) // (2 * customers) if customers else None
