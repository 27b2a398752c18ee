"""Arrays as PostgreSQL reads them from text.

The driver asks of each element what it is, which for lists of some hundred costs more than the
statement; the literals below are casts of one text.
"""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID


def uuids(values: Iterable[UUID]) -> str:
    """A literal for `uuid[]`."""
    return "{" + ",".join([it.hex for it in values]) + "}"


def numbers(values: Iterable[int]) -> str:
    """A literal for an array of integers."""
    return "{" + ",".join([str(int(it)) for it in values]) + "}"


def dates(values: Iterable[date]) -> str:
    """A literal for `date[]`."""
    given = list(values)
    text = {it: it.isoformat() for it in set(given)}
    return "{" + ",".join([text[it] for it in given]) + "}"


def times(values: Iterable[datetime | None]) -> str:
    """A literal for `timestamptz[]`; None is NULL."""
    return "{" + ",".join(["NULL" if it is None else f'"{it.isoformat()}"' for it in values]) + "}"


def texts(values: Iterable[str]) -> str:
    """A literal for `text[]`; NUL must not be in it."""
    return "{" + ",".join([_quoted(it) for it in values]) + "}"


def repeated(one: str, times: int) -> str:
    """The literal of an array of one element, made one of as many."""
    return "{" + ",".join([one[1:-1]] * times) + "}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
