"""Tables of text: their delimiter, their header, and their rows, however ragged."""

import csv
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

DELIMITERS = "\t;,|"
LONGEST_CELL = 20_000
_LOOKED_AT = 50


class TooLong(Exception):
    """A cell is longer than any that a table of people has: quotes are not closed."""


def delimiter(text: str) -> str:
    """Return what separates the cells of a table that begins with `text`.

    The one that gives most rows the same number of cells, and more than one; a comma for a
    table of one column.
    """
    lines = text.splitlines()[:_LOOKED_AT]
    scored = [(_agreement(lines, mark), -place, mark) for place, mark in enumerate(DELIMITERS)]
    best, _, mark = max(scored)
    return mark if best > 0 else ","


def _agreement(lines: Sequence[str], mark: str) -> float:
    try:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=mark) if any(row))
    except csv.Error:
        return 0.0
    if not widths:
        return 0.0
    width, rows = widths.most_common(1)[0]
    return rows / widths.total() + width / 1000 if width > 1 else 0.0


def rows(lines: Iterable[str], mark: str) -> Iterator[list[str]]:
    """Yield each row that is not blank, as its cells.

    `lines` keep their line ends, so that a quoted cell may hold some. Raises TooLong.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader((line.replace("\0", "") for line in lines), delimiter=mark)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TooLong(str(error)) from error
        if any(cell.strip() for cell in row):
            yield row


def columns(header: Sequence[str], width: int) -> tuple[str, ...]:
    """Return a name for each of `width` columns: its header, or "column N"; each once."""
    names: list[str] = []
    for place, written in itertools.zip_longest(range(width), header[:width], fillvalue=""):
        name = str(written).strip().lstrip("\ufeff") or f"column {int(place) + 1}"
        while name in names:
            name = f"{name} ({int(place) + 1})"
        names.append(name)
    return tuple(names)
