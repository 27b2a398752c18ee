"""A mail whose fixed parts are encoded once: for each recipient only the values are put in."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from services.notifier.channels.mime import parts
from services.notifier.channels.mime.composer import Composer, Draft, before
from services.notifier.channels.mime.parts import Fields
from services.notifier.channels.mime.quoted import quoted
from services.notifier.channels.mime.words import clean, encoded
from services.notifier.domain import outlines
from services.notifier.domain.rendering import capped, escaped, one_line
from services.notifier.domain.work import Enclosure

LINK = "unsubscribe_url"
"""The name of the value that a form makes itself."""

# Quoted-printable writes "=" before two digits or a line's end only: no text has this line.
_BOUNDARY = "=_mekong"
_MOST_KEPT = 10_000  # of each kind, for all forms together

V = TypeVar("V")


class Blank(NamedTuple):
    """What a form is made of: texts with marks, and the names of a recipient's values.

    Links begin with `links`, and a recipient's token follows; without it nobody can refuse.
    `label` completes a subject.
    """

    subject: str
    html: str
    text: str
    names: Sequence[str]
    links: str
    label: Callable[[str], str]
    enclosure: Enclosure | None = None


class Form:
    """Mails of one content and one sender, to people of whom the same values are known."""

    def __init__(self, composer: Composer, blank: Blank) -> None:
        self._places = {name: place for place, name in enumerate(blank.names)}
        self._links = clean(blank.links)
        self._label = blank.label
        self._subject = outlines.pieces(blank.subject)
        self._body: list[bytes] = []
        self._holes: list[tuple[int, int, _Kept[bytes]]] = []
        self._link_at: list[int] = []
        more = self._lay_out(blank.html, blank.text)
        self._tail = b""
        if blank.enclosure is not None:
            more, opening = before(blank.enclosure, more)
            self._body[0] = opening + self._body[0]
            self._tail = blank.enclosure.tail
        self._header = composer.layout(has_link=bool(self._links), more=more)

    def fill(self, message_id: str, to: str, values: Sequence[str], token: str, date: str) -> Draft:
        """The mail to one address."""
        body = self._body.copy()
        for at, place, kept in self._holes:
            body[at] = kept[values[place]]
        url = self._links + token if self._links else ""
        if self._link_at:
            written = b"%b=\r\n" % token.encode()
            for at in self._link_at:
                body[at] = written
        subject = _subjects[self._label(one_line(self._subject_of(values, url)))]
        head = self._header.fill(message_id, to, subject, url, date)
        return Draft(*head, [(b"".join(body), False)], self._tail, may_have_dots=False)

    def _subject_of(self, values: Sequence[str], url: str) -> str:
        fixed = self._subject
        if len(fixed) == 1:
            return fixed[0]
        said = fixed.copy()
        for at in range(1, len(fixed), 2):
            name = fixed[at]
            said[at] = url if name == LINK else capped(values[self._places[name]])
        return "".join(said)

    def _lay_out(self, html: str, text: str) -> Fields:
        """Writes the body down; returns the last fields of the header."""
        kinds = [(text, "plain", _texts), (html, "html", _htmls)]
        found = [it for it in kinds if it[0]] or kinds[:1]
        if len(found) == 1:
            self._part(*found[0][::2])
            return _fields(found[0][1])
        for content, kind, kept in found:
            self._add(f"--{_BOUNDARY}\r\n{parts.written(_fields(kind))}\r\n".encode())
            self._part(content, kept)
        self._add(f"--{_BOUNDARY}--\r\n".encode())
        return [("Content-Type", f'multipart/alternative; boundary="{_BOUNDARY}"')]

    def _part(self, content: str, kept: "_Kept[bytes]") -> None:
        """One text; it ends with a line's end."""
        content = content.replace("\r\n", "\n").replace("\r", "\n")
        fixed = outlines.pieces(content if content.endswith("\n") else f"{content}\n")
        for at, piece in enumerate(fixed):
            if at % 2 == 0:
                self._add(quoted(piece))
                continue
            if piece == LINK:
                self._add(quoted(self._links if kept is _texts else escaped(self._links)))
                self._link_at.append(len(self._body))
            else:
                self._holes.append((len(self._body), self._places[piece], kept))
            self._body.append(b"")

    def _add(self, fixed: bytes) -> None:
        if self._body and len(self._body) - 1 not in self._open():
            self._body[-1] += fixed
        else:
            self._body.append(fixed)

    def _open(self) -> set[int]:
        return {it[0] for it in self._holes} | set(self._link_at)


class _Kept(dict[str, V]):
    """What values are written as; those that come often are worked out once."""

    def __init__(self, write: Callable[[str], V]) -> None:
        self._write = write

    def __missing__(self, value: str) -> V:
        if len(self) >= _MOST_KEPT:
            self.clear()
        written = self[value] = self._write(value)
        return written


def _fields(kind: str) -> Fields:
    return [
        ("Content-Type", f"text/{kind}; charset=utf-8"),
        ("Content-Transfer-Encoding", "quoted-printable"),
    ]


def _lines(value: str) -> str:
    return capped(value).replace("\r\n", "\n").replace("\r", "\n")


_subjects = _Kept(encoded)
_texts = _Kept(lambda value: quoted(_lines(value)))
_htmls = _Kept(lambda value: quoted(escaped(_lines(value))))
