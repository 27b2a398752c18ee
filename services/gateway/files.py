"""What peers stream, as files: rows as csv that spreadsheets open without being told anything."""

import csv
import io
import itertools
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from flask import Response

from chassis import errors
from services.gateway import downloads

SECONDS = 900.0
"""How long a file may take; a million rows take a minute or two."""
MOST = 4
"""Files that a process sends at once, since each holds a thread."""

Rows = Iterable[Sequence[str]]
P = TypeVar("P")

_MARK = "\ufeff"
# A spreadsheet takes these for the beginning of a formula; a phone number is none.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


class Files:
    """The files that this process sends."""

    def __init__(self) -> None:
        self._places = threading.Semaphore(MOST)

    def answer(self, parts: Iterator[Rows], headings: Sequence[str], file_name: str) -> Response:
        """Return a response that sends the rows of each part as they come.

        Raises `ResourceExhausted` when too many are being sent, and the first part's failure; one
        that comes later cuts the file off, so that nobody takes a part for the whole.
        """
        first = self._begun(parts, ())
        return self._sent(_file(_lines(headings, first, parts), file_name))

    def stream(self, parts: Iterator[bytes], mimetype: str, file_name: str) -> Response:
        """Return a response that sends the parts as they come; raises as `answer`."""
        first = self._begun(parts, b"")
        return self._sent(_file(itertools.chain((first,), parts), file_name, mimetype))

    def _begun(self, parts: Iterator[P], otherwise: P) -> P:
        if not self._places.acquire(blocking=False):
            raise errors.ResourceExhausted(
                "RATE_LIMITED", "too many files at once; ask again soon", retry_after_seconds=10
            )
        try:
            return next(parts, otherwise)
        except BaseException:
            self._places.release()
            raise

    def _sent(self, response: Response) -> Response:
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(self._places.release)
        return response


def table(rows: Rows, headings: Sequence[str], file_name: str) -> Response:
    """Return a response with rows that are all there; it holds nothing while it is sent."""
    return _file(b"".join(_lines(headings, rows, ())), file_name)


def cell(text: str) -> str:
    """Return a text that no spreadsheet computes."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _file(content: bytes | Iterator[bytes], file_name: str, mimetype: str = "text/csv") -> Response:
    response = Response(content, mimetype=mimetype)
    response.headers["Content-Disposition"] = downloads.disposition("attachment", file_name)
    response.headers["Cache-Control"] = "no-store"
    return response


def _lines(headings: Sequence[str], first: Rows, rest: Iterable[Rows]) -> Iterator[bytes]:
    yield (_MARK + _text([headings, *first])).encode()
    for rows in rest:
        yield _text(rows).encode()


def _text(rows: Rows) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([cell(it) for it in row] for row in rows)
    return out.getvalue()
