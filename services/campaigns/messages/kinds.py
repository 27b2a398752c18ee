"""Enums and times of the contract."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

K = TypeVar("K", bound=StrEnum)


def number(enum: Any, value: StrEnum | None) -> Any:
    """Return the number of a value in a generated enum; that of UNSPECIFIED for None."""
    return enum.Value(f"{_prefix(enum)}{value.value}") if value is not None else 0


def kind(enum: Any, kinds: type[K], number: int) -> K | None:
    """Return the value that a number stands for; None for UNSPECIFIED and what is not known."""
    if number not in enum.values():
        return None
    name = enum.Name(number).removeprefix(_prefix(enum))
    return kinds(name) if name in set(kinds) else None


def moment(message: Any, field: str) -> datetime | None:
    """Return the time in a message's field, None when it is not set."""
    if not message.HasField(field):
        return None
    found: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return found


def _prefix(enum: Any) -> str:
    names: Iterable[str] = enum.keys()
    first = next(name for name in names if name.endswith("_UNSPECIFIED"))
    return first.removesuffix("UNSPECIFIED")
