"""Checks of what people type; every bad field is named at once."""

import re
import unicodedata
import zoneinfo
from functools import cache
from uuid import UUID

from chassis.errors import FieldViolation, InvalidArgument

LONGEST_EMAIL = 254
_EMAIL = re.compile(
    r"[^\s@\"(),:;<>\[\]\\\x00-\x1f\x7f]{1,64}@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}"
)


MOST_NAMED = 50


class Problems:
    """Collects what is wrong with a request."""

    def __init__(self) -> None:
        self._violations: list[FieldViolation] = []

    def add(self, field: str, why: str) -> None:
        """Note one bad field."""
        self._violations.append(FieldViolation(field, why))

    @property
    def count(self) -> int:
        """How many were noted."""
        return len(self._violations)

    def raise_if_any(self) -> None:
        """Raises `InvalidArgument` that names the noted fields, the first 50 of them."""
        if self._violations:
            # An error travels in headers, which hold a few kilobytes.
            raise InvalidArgument(
                "FIELDS_INVALID",
                "some fields cannot be accepted",
                violations=self._violations[:MOST_NAMED],
            )


def text(
    given: str, field: str, longest: int, problems: Problems, *, required: bool = False
) -> str:
    """Returns the text with composed letters and no space around; notes one that is too long."""
    clean = unicodedata.normalize("NFC", given).strip()
    if len(clean) > longest:
        problems.add(field, f"longer than {longest} characters")
    elif "\x00" in clean:
        problems.add(field, "holds a character that is no text")
    elif required and not clean:
        problems.add(field, "is required")
    return clean


def uuid(given: str, field: str, problems: Problems) -> UUID | None:
    """Returns the id, or notes that it is none."""
    try:
        return UUID(given)
    except ValueError:
        problems.add(field, "not a UUID" if given else "is required")
        return None


def email(given: str, field: str, problems: Problems) -> str:
    """Returns the address, or notes that it is none."""
    clean = given.strip()
    if not _EMAIL.fullmatch(clean) or len(clean) > LONGEST_EMAIL:
        problems.add(field, "not an e-mail address" if clean else "is required")
    return clean


def time_zone(given: str, field: str, default: str, problems: Problems) -> str:
    """Returns an IANA name, `default` for an empty one."""
    if given and not is_time_zone(given):
        problems.add(field, "not an IANA time zone")
    return given or default


def is_time_zone(name: str) -> bool:
    """Returns True for an IANA name."""
    return name in _time_zones()


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
