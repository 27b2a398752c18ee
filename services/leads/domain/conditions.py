"""Checks a segment's definition, and says which windows its conditions count back."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.leads.domain import reachable, text
from services.leads.domain.contact import Gender, Kind, Status
from services.leads.domain.fields import Checks
from services.leads.domain.segment import (
    MAX_CONDITIONS,
    MAX_DAYS,
    MAX_DEPTH,
    MAX_IN_ALL,
    MAX_VALUES,
    Bought,
    Comparison,
    Condition,
    Dates,
    Field,
    Group,
    Question,
    Tags,
    Window,
)

TEXT_FIELDS = frozenset(
    {
        *("display_name", "family_name", "given_name", "company", "job_title", "reference_code"),
        *("locale", "region", "province", "ward", "email", "phone"),
    }
)
CHOICES: dict[str, dict[str, int]] = {
    "kind": {it.name.lower(): it for it in Kind},
    "status": {it.name.lower(): it for it in Status},
    "gender": {it.name.lower(): it for it in Gender if it},
}
DATE_FIELDS = frozenset({"create_time", "update_time", "convert_time", "birthday"})
_BARE = (Comparison.PRESENT, Comparison.ABSENT)
_LONGEST_VALUE = 200


def check(checks: Checks, group: Group, path: str = "definition") -> None:
    """Note everything wrong with a definition under its path (`definition.conditions[0]`)."""
    if group.size > MAX_IN_ALL:
        checks.wrong(path, f"has more than {MAX_IN_ALL} conditions in all")
        return
    _group(checks, group, path, depth=1)


def windows(group: Group, now: datetime) -> list[Window]:
    """Return what the relative conditions of a definition mean at `now`, in their order."""
    return list(_windows(group, now))


def _windows(group: Group, now: datetime) -> Iterator[Window]:
    for condition in group.conditions:
        match condition:
            case Group():
                yield from _windows(condition, now)
            case Dates(name="birthday", within_days=days) if days:
                yield Window(f"birthday: within {days} days", now, now + timedelta(days=days))
            case Dates(name=name, within_days=days) if days:
                yield Window(f"{name}: within {days} days", now - timedelta(days=days), now)
            case Bought(question=Question.BOUGHT_WITHIN, days=days):
                said = f"transaction: bought within {days} days"
                yield Window(said, now - timedelta(days=days), now)
            case Bought(question=Question.LAPSED, days=days):
                said = f"transaction: not within {days} days, but before"
                yield Window(said, now - timedelta(days=days), now)


def _group(checks: Checks, group: Group, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        checks.wrong(path, f"is nested more than {MAX_DEPTH} deep")
        return
    checks.at_most(f"{path}.conditions", group.conditions, MAX_CONDITIONS)
    for place, condition in enumerate(group.conditions[:MAX_CONDITIONS]):
        _condition(checks, condition, f"{path}.conditions[{place}]", depth)


def _condition(checks: Checks, condition: Condition, path: str, depth: int) -> None:
    match condition:
        case Group():
            _group(checks, condition, f"{path}.group", depth + 1)
        case Field():
            _field(checks, condition, f"{path}.field")
        case Tags(tags):
            _some(checks, f"{path}.tag.tags", tags)
        case Dates():
            _dates(checks, condition, f"{path}.date")
        case Bought(question, days):
            if question is not Question.NEVER_BOUGHT and not 1 <= days <= MAX_DAYS:
                checks.wrong(f"{path}.transaction.days", f"is not between 1 and {MAX_DAYS}")


def _field(checks: Checks, condition: Field, path: str) -> None:
    name, comparison, values = condition.name, condition.comparison, condition.values
    if name not in TEXT_FIELDS and name not in CHOICES:
        checks.wrong(f"{path}.field", "is no field that can be compared")
        return
    if comparison in _BARE:
        if values:
            checks.wrong(f"{path}.values", "must be empty for PRESENT and ABSENT")
        return
    _some(checks, f"{path}.values", values)
    for place, value in enumerate(values[:MAX_VALUES]):
        if why := _unfit(name, comparison, value):
            checks.wrong(f"{path}.values[{place}]", why)
    if name in CHOICES and comparison is not Comparison.EQUALS:
        checks.wrong(f"{path}.comparison", f"of {name} can only be EQUALS, PRESENT or ABSENT")


def _unfit(name: str, comparison: Comparison, value: str) -> str:
    if name in CHOICES and value.lower() not in CHOICES[name]:
        return f"is none of {', '.join(CHOICES[name])}"
    if len(value) > _LONGEST_VALUE or not text.is_clean(value):
        return f"is longer than {_LONGEST_VALUE} characters or has characters no text has"
    if not value.strip():
        return "is empty"
    if name == "phone" and comparison is Comparison.EQUALS and reachable.phone(value) is None:
        return "is no phone number"
    if name == "phone" and not any(it.isdigit() for it in value):
        return "has no digits"
    return ""


def _dates(checks: Checks, condition: Dates, path: str) -> None:
    if condition.name not in DATE_FIELDS:
        checks.wrong(f"{path}.field", f"is none of {', '.join(sorted(DATE_FIELDS))}")
    fixed = condition.since is not None or condition.until is not None
    if fixed == bool(condition.within_days):
        checks.wrong(path, "needs either from or until, or within_days")
    elif not fixed and not 1 <= condition.within_days <= MAX_DAYS:
        checks.wrong(f"{path}.within_days", f"is not between 1 and {MAX_DAYS}")
    if condition.since and condition.until and condition.until <= condition.since:
        checks.wrong(f"{path}.until", "is not after from")


def _some(checks: Checks, path: str, values: tuple[str, ...]) -> None:
    if not values:
        checks.wrong(path, "is required")
    checks.at_most(path, values, MAX_VALUES)
