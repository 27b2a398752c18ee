"""Checks of what people type; every bad field is named at once."""

import re
import unicodedata
import zoneinfo
from collections.abc import Mapping, Sequence
from functools import cache
from uuid import UUID

from chassis.context import Level
from chassis.errors import FieldViolation, InvalidArgument
from services.accounts.domain.rights import ACTIONS, ANY, HIDEABLE, RESOURCES, Rights, fits

LONGEST_EMAIL = 254
LONGEST_PERSON = 120
LONGEST_NAME = 80
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 200
LOCALES = ("vi", "en")
DEFAULT_TIME_ZONE = "Asia/Ho_Chi_Minh"

_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\]\\]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}")


class Problems:
    """Collects what is wrong with a request."""

    def __init__(self) -> None:
        self._violations: list[FieldViolation] = []

    def add(self, field: str, why: str) -> None:
        """Note one bad field."""
        self._violations.append(FieldViolation(field, why))

    def raise_if_any(self) -> None:
        """Raises `InvalidArgument` that names every noted field."""
        if self._violations:
            raise InvalidArgument(
                "FIELDS_INVALID", "some fields cannot be accepted", violations=self._violations
            )


def clean(text: str) -> str:
    """Returns the text as it is stored: composed letters, no space around."""
    return unicodedata.normalize("NFC", text).strip()


def email_key(email: str) -> str:
    """Returns the form in which addresses are compared."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def sort_key(name: str) -> str:
    """Returns a key that orders names by their letters first and their accents second.

    Equal only for names that differ in nothing but case.
    """
    return f"{letters(name)}\x01{clean(name).casefold()}"


def letters(name: str) -> str:
    """Returns a name without its accents and case, to search for in sort keys."""
    parts = unicodedata.normalize("NFD", clean(name).casefold().replace("đ", "d"))
    return "".join(part for part in parts if not unicodedata.combining(part))


def password(text: str) -> str:
    """Returns the form in which a password is hashed: keyboards compose letters differently."""
    return unicodedata.normalize("NFC", text)


def check_password(text: str, field: str, problems: Problems) -> None:
    """Notes a password that is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password(text)) <= LONGEST_PASSWORD:
        problems.add(field, f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")


def user_columns(
    given: Mapping[str, str], problems: Problems, prefix: str = "user."
) -> dict[str, object]:
    """Returns the columns for the fields of a user that were given, and notes the bad ones."""
    columns: dict[str, object] = {}
    for field, text in given.items():
        columns.update(_COLUMNS[field](clean(text), f"{prefix}{field}", problems))
    return columns


def name_columns(text: str, field: str, problems: Problems) -> dict[str, object]:
    """Returns the columns of a team's, role's or client's name."""
    name = clean(text)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        problems.add(field, f"needs 1 to {LONGEST_NAME} characters")
    return {"name": name, "name_key": sort_key(name)}


def checked_rights(
    given: Sequence[tuple[str, str, Level | None]], field: str, problems: Problems
) -> Rights:
    """Returns rights from triples of resource, action and level (None when not said)."""
    granted: dict[str, dict[str, str]] = {}
    for index, (resource, action, reach) in enumerate(given):
        at = f"{field}[{index}]"
        if resource not in (*RESOURCES, ANY):
            problems.add(f"{at}.resource", f"none of {', '.join(RESOURCES)} or *")
        if action not in (*ACTIONS, ANY):
            problems.add(f"{at}.action", f"none of {', '.join(ACTIONS)} or *")
        if reach is None:
            problems.add(f"{at}.level", "is required")
        elif resource in RESOURCES and not fits(resource, reach):
            problems.add(f"{at}.level", f"{resource} are everybody's: NONE or ALL")
        if action in granted.get(resource, {}):
            problems.add(at, "the same resource and action were given before")
        granted.setdefault(resource, {})[action] = (reach or Level.NONE).value
    return granted


def checked_hidden(given: Sequence[str], field: str, problems: Problems) -> list[str]:
    """Returns the names of fields that a role hides, each once."""
    for index, name in enumerate(given):
        if name not in HIDEABLE:
            problems.add(f"{field}[{index}]", f"none of {', '.join(HIDEABLE)}")
    return sorted(set(given))


def uuid(text: str, field: str, problems: Problems) -> UUID | None:
    """Returns the id, or notes that it is none."""
    try:
        return UUID(text)
    except ValueError:
        problems.add(field, "not a UUID" if text else "is required")
        return None


def is_email(text: str) -> bool:
    """Whether a text is an e-mail address."""
    return len(text) <= LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None


def _email(text: str, field: str, problems: Problems) -> dict[str, object]:
    if not is_email(text):
        problems.add(field, "not an e-mail address" if text else "is required")
    return {"email": text, "email_key": email_key(text)}


def _display_name(text: str, field: str, problems: Problems) -> dict[str, object]:
    if not text or len(text) > LONGEST_PERSON or not text.isprintable():
        problems.add(field, f"needs 1 to {LONGEST_PERSON} characters")
    return {"display_name": text, "name_key": sort_key(text)}


def _role(text: str, field: str, problems: Problems) -> dict[str, object]:
    return {"role_id": uuid(text, field, problems)}


def _team(text: str, field: str, problems: Problems) -> dict[str, object]:
    return {"team_id": uuid(text, field, problems) if text else None}


def _locale(text: str, field: str, problems: Problems) -> dict[str, object]:
    if text and text not in LOCALES:
        problems.add(field, f"none of {', '.join(LOCALES)}")
    return {"locale": text or LOCALES[0]}


def _time_zone(text: str, field: str, problems: Problems) -> dict[str, object]:
    if text and text not in _time_zones():
        problems.add(field, "not an IANA time zone")
    return {"time_zone": text or DEFAULT_TIME_ZONE}


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


_COLUMNS = {
    "email": _email,
    "display_name": _display_name,
    "role_id": _role,
    "team_id": _team,
    "locale": _locale,
    "time_zone": _time_zone,
}
USER_FIELDS = tuple(_COLUMNS)
