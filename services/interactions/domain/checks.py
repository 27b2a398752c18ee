"""Checks that follow-ups and series share: each gives the column that its field is kept in."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from services.interactions.domain import fields, reminders
from services.interactions.domain.fields import Problems

Check = Callable[[Any, str, Problems], dict[str, Any]]
"""Of a value and its field's name: the columns; what is bad of it is noted."""


def text(column: str, longest: int, *, required: bool = False) -> Check:
    """Returns the check of a text."""

    def check(value: str, field: str, problems: Problems) -> dict[str, Any]:
        return {column: fields.text(value, field, longest, problems, required=required)}

    return check


def optional_id(column: str) -> Check:
    """Returns the check of an id, None for an empty one."""

    def check(value: str, field: str, problems: Problems) -> dict[str, Any]:
        return {column: fields.uuid(value, field, problems) if value else None}

    return check


def type_of(value: StrEnum | None, field: str, problems: Problems) -> dict[str, Any]:
    """Checks that a type was said."""
    if value is None:
        problems.add(field, "is required")
    return {"type": value}


def message(value: Mapping[str, Any] | None, _field: str, _problems: Problems) -> dict[str, Any]:
    """Takes the message as it is: it is checked with what it goes to."""
    return {"message": value}


def reminders_of(
    value: Sequence[Mapping[str, Any]], field: str, problems: Problems
) -> dict[str, Any]:
    """Checks reminders."""
    return {"reminders": reminders.checked(value, field, problems)}
