"""What a file is: its kind, encoding, delimiter and columns, told by its beginning."""

import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.leads.domain.files import encoding, headers, table, vcard
from services.leads.domain.files.encoding import Unreadable

VCARD_COLUMNS = ("vCard",)
_SAMPLE_ROWS = 20
_SHOWN_ROWS = 5
_VCARD = re.compile(r"^\ufeff?\s*BEGIN:VCARD\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Shape:
    """What a file is. `columns` and `fields` go together; a vCard has one column."""

    kind: str
    encoding: str
    delimiter: str
    has_header: bool
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    samples: tuple[tuple[str, ...], ...]


def recognise(sample: bytes, *, whole: bool) -> Shape:
    """Return the shape of a file that begins with `sample`; raise Unreadable for no such file."""
    codec = encoding.find(sample, whole=whole)
    text = sample.decode(codec, "ignore")
    if _VCARD.match(text):
        return Shape("vcard", codec, "", False, VCARD_COLUMNS, ("vcard",), _cards(text))
    mark = table.delimiter(text)
    lines = text.splitlines(keepends=True)
    try:
        rows = list(itertools.islice(table.rows(lines, mark), _SAMPLE_ROWS))
    except table.TooLong as error:
        raise Unreadable("text", "a cell of the file never ends; is a quote not closed?") from error
    if not rows:
        raise Unreadable("empty", "the file has no rows")
    return _tabular(codec, mark, rows)


def _tabular(codec: str, mark: str, rows: Sequence[list[str]]) -> Shape:
    first = [cell.strip().lstrip("\ufeff") for cell in rows[0]]
    has_header = headers.looks_like_header(first)
    width = max(len(row) for row in rows)
    columns = table.columns(first if has_header else (), width)
    body = rows[1:] if has_header else rows
    fields = headers.suggest(columns) if has_header else headers.guess(body, width)
    if not any(fields):
        raise Unreadable("text", "no column of the file is a name, a phone or an e-mail address")
    shown = tuple(tuple((*row, *[""] * width)[:width]) for row in body[:_SHOWN_ROWS])
    kind = "facebook" if headers.is_facebook(first) else "csv"
    return Shape(kind, codec, mark, has_header, columns, tuple(fields), shown)


def _cards(text: str) -> tuple[tuple[str, ...], ...]:
    shown = itertools.islice(vcard.cards(io.StringIO(text)), _SHOWN_ROWS)
    return tuple((next((p.text() for p in card if p.name == "FN"), ""),) for card in shown)


def records(lines: Iterator[str], shape: Shape) -> Iterator[list[str] | list[vcard.Property]]:
    """Yield each row or card of a file of this shape, its header left out."""
    if shape.kind == "vcard":
        yield from vcard.cards(lines)
        return
    rows = table.rows(lines, shape.delimiter)
    if shape.has_header:
        next(rows, None)
    yield from rows
