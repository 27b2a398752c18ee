"""What a row or a card says about a person, not yet checked."""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from services.leads.domain import provinces, reachable, text
from services.leads.domain.contact import (
    Address,
    Birthday,
    Channel,
    Draft,
    DraftAddress,
    ExternalId,
    Gender,
)
from services.leads.domain.files import cells, headers, vcard
from services.leads.domain.files.cells import Odd

# Spreadsheets without a zone of their own are written by people in Vietnam.
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_TEST_LEAD = "<test lead:"
# An empty cell of these says no; no such column says nothing.
_EMPTY_SAYS = frozenset({"consent_channels", "consent_evidence"})
_PREFIX = re.compile(r"^(?:l|p|ag|as|c|f|z):", re.IGNORECASE)
# Half of all people in Vietnam have one of these; a name that begins so is written family first.
_FAMILIES = frozenset(
    "nguyen tran le pham hoang huynh phan vu vo dang bui do ho ngo duong ly dao dinh ta mai "
    "truong trinh doan lam ha cao luong luu chau quach to thai kieu tong la mac vuong".split()
)


T = TypeVar("T")


class Skip(Exception):
    """The row is no person to keep; `args[0]` is a stable code."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """One row's person: a draft, where it is from, and the consent it stands for."""

    draft: Draft
    source: str = ""
    evidence: str | None = None
    agreed_at: datetime | None = None
    channels: tuple[Channel, ...] | None = None
    noted: str = ""


@dataclass
class _Cells:
    """A row's cells by field; fields of many values keep them all, with their columns."""

    one: dict[str, str] = field(default_factory=dict)
    many: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def of_row(
    row: Sequence[str],
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    system: str,
    zone: ZoneInfo,
) -> Person:
    """Return the person of a table's row; raise Skip for a test lead, Odd for a bad cell.

    `system` is whose ids the rows carry. Odd's message begins with the field's name and ": ".
    """
    if any(_TEST_LEAD in cell for cell in row):
        raise Skip("TEST_LEAD")
    read = _read(row, columns, fields)
    told = read.one
    family, given = _names(told)
    draft = Draft(
        salutation=told.get("salutation", ""),
        family_name=family,
        given_name=given,
        display_name=told.get("display_name", ""),
        phones=_addresses(read, "phone"),
        emails=_addresses(read, "email"),
        company=told.get("company", ""),
        job_title=told.get("job_title", ""),
        gender=cells.gender(told.get("gender", "")),
        birthday=_said(told, "birthday", cells.birthday),
        address=_place(told),
        reference_code=told.get("reference_code", ""),
        tags=[tag for _, cell in read.many.get("tags", ()) for tag in cells.listed(cell)],
        external_ids=_external(told, system),
        description=_description(read),
    )
    since = "consent_time" if told.get("consent_time") else "create_time"
    return Person(
        draft=draft,
        source=told.get("source", "Facebook" if system == "facebook" else ""),
        evidence=told.get("consent_evidence"),
        agreed_at=_said(told, since, lambda cell: cells.moment(cell, zone)),
        channels=cells.channels(told["consent_channels"]) if "consent_channels" in told else None,
    )


def _read(row: Sequence[str], columns: Sequence[str], fields: Sequence[str]) -> _Cells:
    read = _Cells()
    named = zip(columns, fields, (*row, *[""] * len(columns)), strict=False)
    for column, name, cell in named:
        value = _PREFIX.sub("", cells.said(cell)) if name in {"phone", "external_id"} else ""
        value = value or cells.said(cell)
        if name in headers.MANY and value:
            read.many.setdefault(name, []).append((column, value))
        elif name and (value or name in _EMPTY_SAYS):
            read.one.setdefault(name, value)
    return read


def _names(told: dict[str, str]) -> tuple[str, str]:
    """Return family and given name; a full name is split where it is surely family first."""
    if told.get("family_name") or told.get("given_name"):
        return told.get("family_name", ""), told.get("given_name", "")
    return parted(told.get("display_name", "").strip())


def parted(whole: str) -> tuple[str, str]:
    """Return family and given name of a name that begins with a family's; else two empty ones."""
    first, _, rest = whole.partition(" ")
    return (first, rest.strip()) if rest and _is_family(first) else ("", "")


@functools.lru_cache(maxsize=4_096)
def _is_family(word: str) -> bool:
    return text.fold(word) in _FAMILIES


def _addresses(read: _Cells, name: str) -> list[DraftAddress]:
    written = [part for _, cell in read.many.get(name, ()) for part in cells.several(cell)]
    return [DraftAddress(part, "", False) for part in written]


def _said(told: dict[str, str], name: str, of: Callable[[str], T]) -> T | None:
    if not told.get(name):
        return None
    try:
        return of(told[name])
    except Odd as odd:
        raise Odd(f"{name}: {odd}") from odd


def _place(told: dict[str, str]) -> Address | None:
    return _address(*(told.get(name, "") for name in ("street", "ward", "province", "postal_code")))


def _address(
    street: str, ward: str, province: str, postal_code: str = "", country: str = "VN"
) -> Address | None:
    """Return the address; a city that is no province of ours is kept with the street."""
    if not any((street, ward, province, postal_code)):
        return None
    if country == "VN" and province and provinces.find(province) is None:
        street, province = ", ".join(part for part in (street, province) if part), ""
    return Address(street, ward, province, postal_code, country)


def _external(told: dict[str, str], system: str) -> list[ExternalId]:
    return [ExternalId(system, told["external_id"])] if told.get("external_id") else []


def _description(read: _Cells) -> str:
    """Return notes as they are, and a form's answers with their questions."""
    lines = [
        value if headers.field(column) == "description" else f"{column}: {value}"
        for column, value in read.many.get("description", ())
    ]
    return "\n".join(lines)


def of_card(card: Sequence[vcard.Property], zone: ZoneInfo) -> Person:
    """Return the person of a vCard; numbers that cannot be dialled are kept as text."""
    first = {prop.name: prop for prop in reversed(card)}
    told = first["N"].parts() if "N" in first else []
    name = [" ".join(part.replace(",", " ").split()) for part in (*told, *[""] * 5)]
    family, given = name[0], " ".join(part for part in (name[1], name[2]) if part)
    place, country = _card_address(first.get("ADR"))
    phones, odd_phones = _usable(card, "TEL", lambda told: reachable.phone(told, country))
    emails, odd_emails = _usable(card, "EMAIL", reachable.email)
    odd = [*odd_phones, *odd_emails]
    notes = [prop.text() for prop in card if prop.name == "NOTE"]
    org = [part for part in first["ORG"].parts() if part] if "ORG" in first else []
    draft = Draft(
        salutation=name[3],
        family_name=family,
        given_name=given,
        display_name=first["FN"].text() if "FN" in first else "",
        phones=phones,
        emails=emails,
        company=", ".join(org),
        job_title=first["TITLE"].text() if "TITLE" in first else "",
        gender=cells.gender(first["GENDER"].parts()[0]) if "GENDER" in first else Gender.UNKNOWN,
        birthday=_card_birthday(first.get("BDAY")),
        address=place,
        tags=[tag for prop in card if prop.name == "CATEGORIES" for tag in _categories(prop)],
        external_ids=[ExternalId("vcard", first["UID"].text())] if "UID" in first else [],
        description="\n".join([*notes, *(f"? {value}" for value in odd)])[:4_000],
    )
    return Person(draft=draft, noted=f"kept as text: {', '.join(odd)}" if odd else "")


def _card_birthday(prop: vcard.Property | None) -> Birthday | None:
    return _said({"birthday": prop.text()}, "birthday", cells.birthday) if prop else None


def _categories(prop: vcard.Property) -> list[str]:
    return [tag for tag in cells.listed(prop.text()) if text.fold(tag) not in {"my contacts"}]


def _usable(
    card: Sequence[vcard.Property], name: str, check: Callable[[str], object]
) -> tuple[list[DraftAddress], list[str]]:
    """Return what can be used, the preferred first, and what cannot."""
    good: list[DraftAddress] = []
    odd: list[str] = []
    named = (prop for prop in card if prop.name == name and prop.label != "fax")
    for prop in sorted(named, key=lambda prop: not prop.preferred):
        value = re.sub(r"^(?:tel|mailto):", "", prop.text(), flags=re.IGNORECASE).strip()
        if value and check(value):
            good.append(DraftAddress(value, prop.label, False))
        elif value:
            odd.append(value)
    return good[:10], odd + [it.text for it in good[10:]]


_COUNTRIES = {
    **dict.fromkeys(("", "vn", "viet nam", "vietnam"), "VN"),
    **dict.fromkeys(("us", "usa", "united states", "united states of america"), "US"),
}


def _card_address(prop: vcard.Property | None) -> tuple[Address | None, str]:
    """Return the address and the country in which the card's numbers are dialled."""
    if prop is None:
        return None, "VN"
    parts = [" ".join(part.split()).strip(" ,") for part in (*prop.parts(), *[""] * 7)]
    box, extra, street, city, region, postal_code, country_name = parts[:7]
    country = _COUNTRIES.get(text.fold(country_name), "")
    line = ", ".join(part for part in (box, extra, street) if part)
    if country == "VN":
        return _address(line, "", city or region, postal_code), "VN"
    rest = (line, city, region, postal_code, country_name if not country else "")
    whole = ", ".join(part for part in rest if part)
    return Address(whole[:200], "", "", "", country or "VN"), country or "VN"
