"""Rows that are plainly right, made ready at a stroke; every other row takes the long way.

Nine rows in ten are: their cells are clean, their numbers Vietnamese mobiles, their addresses
plain. What is said of them here is what `people` and `validation` say, at a fifth of the cost; a
test holds both together, and a row that gives any doubt is left to them.
"""

import functools
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta

from services.leads.domain import contact as model
from services.leads.domain import names, provinces, reachable, text, validation
from services.leads.domain.contact import Address, Birthday, ExternalId, Profile, Reach
from services.leads.domain.fields import Checks
from services.leads.domain.files import cells, headers, people
from services.leads.domain.files.cells import Odd
from services.leads.domain.importing import Import

_CLOCK_AND_DAY = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2}) (\S+)")
_LONGEST_NOTHING = max(map(len, cells.NOTHING))
_LONGEST_STREET = 200
_LONGEST_ID = 200
_LONGEST_DESCRIPTION = 4_000
_MOST_REACHES = 10
_DAY = range(-14, 39)

Said = tuple[Profile, str, str | None, datetime | None, str | None]


class Doubt(Exception):
    """The row is not plain."""


class Columns:
    """The columns of a file, found once for all its rows."""

    def __init__(self, current: Import, *, home_region: str) -> None:
        """`current` is a table's import; of a vCard nothing is plain."""
        shape = current.shape
        self._width = len(shape.columns)
        self.usable = shape.kind == "csv" and all(
            not name or name in headers.MANY or shape.fields.count(name) == 1
            for name in shape.fields
        )
        at: dict[str, list[int]] = {}
        for place, name in enumerate(shape.fields):
            at.setdefault(name, []).append(place)
        # A field without a column is read from the empty cell after the last one.
        self._at = {name: at.get(name, [self._width])[0] for name in headers.FIELDS}
        self._lines = [
            (name, at[name][0], most) for name, most in validation.LONGEST.items() if name in at
        ]
        self._places = [self._at[name] for name in ("street", "ward", "province", "postal_code")]
        self._phones, self._emails = at.get("phone", []), at.get("email", [])
        self._tagged, self._notes = at.get("tags", []), at.get("description", [])
        self._questions = [_question(it) for it in shape.columns]
        self._has_evidence = "consent_evidence" in at
        self._has_channels = "consent_channels" in at
        self._tags = current.tags
        always = validation.tags(Checks(), current.tags)
        self._nobody = Profile(display_name="", region=home_region, tags=always)

    def read(self, row: list[str]) -> Said:
        """Return profile, source, evidence, time and channels that a plain row says.

        Raises `Doubt` for any other row.
        """
        if not _is_plain(row):
            raise Doubt
        width = self._width
        row = [*row[:width], *[""] * (width + 1 - min(len(row), width))]
        at = self._at
        evidence = _said(row[at["consent_evidence"]]) if self._has_evidence else None
        channels = _said(row[at["consent_channels"]]) if self._has_channels else None
        since = _said(row[at["consent_time"]]) or _said(row[at["create_time"]])
        said_at = _moment(since) if since else None
        return self._profile(row), _said(row[at["source"]]), evidence, said_at, channels

    def _profile(self, row: list[str]) -> Profile:
        at = self._at
        told: dict[str, object] = {}
        for name, place, most in self._lines:
            if value := _said(row[place]):
                if len(value) > most:
                    raise Doubt
                told[name] = value
        self._name(told)
        if born := _said(row[at["birthday"]]):
            told["birthday"] = _birthday(born)
        if gender := row[at["gender"]]:
            told["gender"] = cells.gender(_said(gender))
        if its_id := _said(row[at["external_id"]]):
            told["external_ids"] = _external(its_id)
        if self._tagged or self._notes:
            self._listed(told, row)
        phones = _reaches(_phone, row, self._phones)
        emails = _reaches(_email, row, self._emails)
        address = self._address(row)
        return model.with_(self._nobody, phones=phones, emails=emails, address=address, **told)

    def _name(self, told: dict[str, object]) -> None:
        whole = str(told.get("display_name", ""))
        family, given = str(told.get("family_name", "")), str(told.get("given_name", ""))
        if not (family or given):
            told["family_name"], told["given_name"] = people.parted(whole)
        elif not whole:
            told["display_name"] = whole = names.display(family, given, "vi")
        if not whole:
            raise Doubt

    def _address(self, row: list[str]) -> Address:
        street, ward, province, postal_code = [_said(row[place]) for place in self._places]
        if not (street or ward or province or postal_code):
            return _NOWHERE
        if len(street) > _LONGEST_STREET:
            raise Doubt
        return Address(street, *_place(ward, province, postal_code))

    def _listed(self, told: dict[str, object], row: list[str]) -> None:
        if tags := [value for place in self._tagged if (value := _said(row[place]))]:
            told["tags"] = _all_tags(tuple(tags), self._tags)
        lines = [
            f"{self._questions[place]}{value}"
            for place in self._notes
            if (value := _said(row[place]))
        ]
        if lines:
            told["description"] = "\n".join(lines)
            if sum(map(len, lines)) + len(lines) > _LONGEST_DESCRIPTION:
                raise Doubt


_NOWHERE = Address()


def _is_plain(row: list[str]) -> bool:
    """Whether no cell has anything that is cleaned away: odd spaces, controls, open accents."""
    whole = "|".join(row)
    return (
        whole.isprintable()
        and whole.count("|") == len(row) - 1
        and "  " not in whole
        and " |" not in whole
        and "| " not in whole
        and "|'" not in whole
        and whole[:1] not in (" ", "'")
        and whole[-1:] != " "
        and "<test lead:" not in whole
        and unicodedata.is_normalized("NFC", whole)
    )


def _said(cell: str) -> str:
    if not cell or len(cell) > _LONGEST_NOTHING or cell.lower() not in cells.NOTHING:
        return cell
    return ""


def _question(column: str) -> str:
    """What stands before an answer; notes as such have nothing before them."""
    if headers.field(column) == "description":
        return ""
    return f"{text.paragraphs(column)}: "


def _reaches(
    read: Callable[[str], Reach | None], row: list[str], places: list[int]
) -> tuple[Reach, ...]:
    once: dict[str, Reach] = {}
    for place in places:
        if value := _said(row[place]):
            found = read(value)
            if found is None or len(once) == _MOST_REACHES:
                raise Doubt
            once.setdefault(found.key, found)
    return tuple(once.values())


def _phone(value: str) -> Reach | None:
    number = reachable.plain_phone(value)
    return Reach(number, number) if number else None


def _email(value: str) -> Reach | None:
    address = reachable.plain_email(value)
    return Reach(*address) if address else None


@functools.lru_cache(maxsize=32_768)  # the days of a long life
def _birthday(cell: str) -> Birthday:
    checks = Checks()
    try:
        found = validation.birthday(checks, cells.birthday(cell))
    except Odd:
        raise Doubt from None
    if found is None:
        raise Doubt
    return found


@functools.lru_cache(maxsize=8_192)
def _place(ward: str, province: str, postal_code: str) -> tuple[str, str, str, str]:
    """Return ward, province, postal code and country as `Address` has them."""
    if province and provinces.find(province) is None:
        raise Doubt
    checks = Checks()
    found = validation.address(checks, Address("", ward, province, postal_code, "VN"), "VN")
    if checks.violations:
        raise Doubt
    return found.ward, found.province, found.postal_code, found.country_code


@functools.lru_cache(maxsize=4_096)
def _all_tags(told: tuple[str, ...], always: tuple[str, ...]) -> tuple[str, ...]:
    checks = Checks()
    found = validation.tags(checks, [*(tag for it in told for tag in cells.listed(it)), *always])
    if checks.violations:
        raise Doubt
    return found


def _external(cell: str) -> tuple[ExternalId, ...]:
    if ":" in cell or len(cell) > _LONGEST_ID:
        raise Doubt
    return (ExternalId("file", cell),) if cell else ()


def _moment(cell: str) -> datetime:
    if found := _CLOCK_AND_DAY.fullmatch(cell):
        hour, minute, second = int(found[1]), int(found[2]), int(found[3])
        if hour > 23 or minute > 59 or second > 59:
            raise Doubt
        return _midnight(found[4]) + timedelta(hours=hour, minutes=minute, seconds=second)
    try:
        return cells.moment(cell, people.ZONE)
    except Odd:
        raise Doubt from None


@functools.lru_cache(maxsize=4_096)
def _midnight(day: str) -> datetime:
    """Return when a day begins whose clock is not changed."""
    try:
        found = cells.moment(day, people.ZONE)
        offsets = {(found + timedelta(hours=it)).astimezone(people.ZONE).utcoffset() for it in _DAY}
    except (Odd, OverflowError):
        raise Doubt from None
    if len(offsets) > 1 or ":" in day:
        raise Doubt
    return found
