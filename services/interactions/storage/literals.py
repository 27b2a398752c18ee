"""Lists as PostgreSQL writes them: one text instead of a parameter, or a dump, for each value."""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def array(values: Iterable[T], written: Callable[[T], str]) -> str:
    """Return the literal of an array; `written` gives each element as it stands in it."""
    return "{" + ",".join(map(written, values)) + "}"


def quoted(value: str) -> str:
    """Return any text as an element of an array's literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
