"""Short names of the protos' enum values, as addresses and catalogues use them."""

from functools import cache
from typing import Any


@cache
def _table(enum: Any) -> dict[int, str]:
    numbers = {value.number: value.name for value in enum.DESCRIPTOR.values}
    prefix = numbers[0].removesuffix("UNSPECIFIED")
    return {number: name.removeprefix(prefix).lower() for number, name in numbers.items()}


def short(enum: Any, value: int) -> str:
    """Return `LEAD_STATUS_NEW` as "new"; a value newer than this code as its number."""
    return _table(enum).get(value, str(value))


def value(enum: Any, name: str) -> int:
    """Return the value of a short name; 0 for what is none, as for a filter not set."""
    return next((number for number, it in _table(enum).items() if it == name), 0)


def choices(enum: Any) -> list[str]:
    """Return the short names of all values but the unspecified."""
    return [name for number, name in _table(enum).items() if number]
