"""What peers stream, as files: rows as csv that spreadsheets open without being told anything."""

import csv
import io
import itertools
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from flask import Response

from chassis import errors
from services.gateway import downloads

SECONDS = 900.0
"""How long a file may take; a million rows take a minute or two."""
MOST, MOST_TO_CUSTOMERS = 4, 2
"""Files that a process sends at once, to staff and to customers, since each holds a thread."""

Rows = Iterable[Sequence[str]]
P = TypeVar("P")

_MARK = "\ufeff"
# A spreadsheet takes these for the beginning of a formula; a phone number is none.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


class Files:
    """The files that this process sends to some, `most` at once."""

    def __init__(self, most: int = MOST) -> None:
        self._places = threading.Semaphore(most)
        self._receiving: set[str] = set()
        self._lock = threading.Lock()

    def answer(self, parts: Iterator[Rows], headings: Sequence[str], file_name: str) -> Response:
        """Return a response that sends the rows of each part as they come.

        Raises `ResourceExhausted` when too many are being sent, and the first part's failure; one
        that comes later cuts the file off, so that nobody takes a part for the whole.
        """
        place = self._place("")
        first = _begun(parts, (), place)
        return _sent(_file(_lines(headings, first, parts), file_name), place)

    def stream(
        self, parts: Iterator[bytes], mimetype: str, file_name: str, *, whose: str = ""
    ) -> Response:
        """Return a response that sends the parts as they come; raises as `answer`.

        Who is named in `whose` has one at a time.
        """
        place = self._place(whose)
        first = _begun(parts, b"", place)
        return _sent(_file(itertools.chain((first,), parts), file_name, mimetype), place)

    def _place(self, whose: str) -> Callable[[], None]:
        """Take a place, and return what gives it back."""
        with self._lock:
            if whose in self._receiving or not self._places.acquire(blocking=False):
                raise errors.ResourceExhausted(
                    "RATE_LIMITED", "too many files at once; ask again soon", retry_after_seconds=10
                )
            if whose:
                self._receiving.add(whose)

        def give_back() -> None:
            with self._lock:
                self._receiving.discard(whose)
            self._places.release()

        return give_back


def _begun(parts: Iterator[P], otherwise: P, give_back: Callable[[], None]) -> P:
    try:
        return next(parts, otherwise)
    except BaseException:
        give_back()
        raise


def _sent(response: Response, give_back: Callable[[], None]) -> Response:
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(give_back)
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
