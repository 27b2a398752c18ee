"""Lists as PostgreSQL writes them: one text instead of a parameter, or a dump, for each value."""

from collections.abc import Iterable
from uuid import UUID


def ids(values: Iterable[UUID]) -> str:
    """Return the literal of an array of ids."""
    return f"{{{','.join([it.hex for it in values])}}}"


def texts(values: Iterable[str]) -> str:
    """Return the literal of an array of any texts."""
    return f"{{{','.join([_quoted(it) for it in values])}}}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
