"""vCards 2.1, 3.0 and 4.0, read property by property; what one card gets wrong stays in it.

Cards that telephones write break the grammar in many ways, so each property is read for itself
and what is not understood is passed over.
"""

import codecs
import quopri
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FIRST = re.compile(r"\s*BEGIN:VCARD\s*$", re.IGNORECASE)
_LAST = re.compile(r"\s*END:VCARD\s*$", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([nN,;:\\])")
_LONGEST_CARD_LINES = 60_000
_KEPT = frozenset(
    "N FN NICKNAME TEL EMAIL ORG TITLE BDAY ADR NOTE CATEGORIES GENDER UID X-GENDER".split()
)
_LABELS = {"CELL": "mobile", "IPHONE": "mobile", "HOME": "home", "WORK": "work", "FAX": "fax"}


@dataclass(frozen=True)
class Property:
    """One line of a card, decoded: name without its group, parameters in capitals, text."""

    name: str
    parameters: tuple[str, ...]
    value: str

    @property
    def label(self) -> str:
        """What kind of number or address it is, as we call it."""
        kinds = {part.rpartition("=")[2] for part in self.parameters}
        if "FAX" in kinds:
            return "fax"
        return next((_LABELS[kind] for kind in sorted(kinds) if kind in _LABELS), "")

    @property
    def preferred(self) -> bool:
        """Whether the card says to use this one first."""
        return any(part in {"PREF", "TYPE=PREF", "PREF=1"} for part in self.parameters)

    def parts(self) -> list[str]:
        """Return the structured value's parts (N, ADR, ORG), unescaped."""
        return [_unescape(part).strip() for part in re.split(r"(?<!\\);", self.value)]

    def text(self) -> str:
        """Return the value as text, unescaped."""
        return _unescape(self.value).strip()


def cards(lines: Iterable[str]) -> Iterator[list[Property]]:
    """Yield the properties of each card, in order; a card that is not closed is yielded too."""
    card: list[str] | None = None
    for raw in lines:
        line = raw.rstrip("\r\n")
        if _FIRST.match(line.lstrip("\ufeff")):
            if card is not None:
                yield list(_properties(card))
            card = []
        elif _LAST.match(line):
            if card is not None:
                yield list(_properties(card))
            card = None
        elif card is not None and len(card) < _LONGEST_CARD_LINES:
            card.append(line)
    if card is not None:
        yield list(_properties(card))


def _properties(lines: list[str]) -> Iterator[Property]:
    for line in _unfolded(lines):
        head, colon, value = line.partition(":")
        name, *parameters = head.upper().split(";")
        name = name.rpartition(".")[2].strip()
        if colon and name in _KEPT:
            told = tuple(part.strip().strip('"') for entry in parameters for part in _each(entry))
            yield Property(name, told, _decoded(value, told))


def _each(parameter: str) -> list[str]:
    """Return TYPE=CELL,VOICE as TYPE=CELL and TYPE=VOICE."""
    name, equals, values = parameter.partition("=")
    return [f"{name}={value}" for value in values.split(",")] if equals else [parameter]


def _unfolded(lines: list[str]) -> Iterator[str]:
    """Join what was folded: by a leading space, or by quoted-printable's soft line breaks."""
    whole = ""
    for line in lines:
        if whole.endswith("=") and "QUOTED-PRINTABLE" in whole.upper().partition(":")[0]:
            whole = whole[:-1] + line.lstrip(" \t")
        elif line[:1] in {" ", "\t"} and whole:
            whole += line[1:]
        else:
            if whole:
                yield whole
            whole = line
    if whole:
        yield whole


def _decoded(value: str, parameters: tuple[str, ...]) -> str:
    if not {"ENCODING=QUOTED-PRINTABLE", "QUOTED-PRINTABLE"} & set(parameters):
        return value
    named = [part.partition("=")[2] for part in parameters if part.startswith("CHARSET=")]
    raw = quopri.decodestring(value.encode("latin-1", "replace"))
    try:
        codec = codecs.lookup(named[0] if named else "utf-8").name
    except LookupError:
        codec = "utf-8"
    return raw.decode(codec, "replace")


def _unescape(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
