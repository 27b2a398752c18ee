"""Checks of single values, each failure noted under the name of its field."""

import functools
import re
import zoneinfo
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import TypeVar
from uuid import UUID

from chassis.errors import FieldViolation, InvalidArgument
from services.leads.domain import text

_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_REGION = re.compile(r"[a-z][a-z0-9-]{0,15}")
_COUNTRY = re.compile(r"[A-Z]{2}")

_NIL = UUID(int=0)
_NO_TIME = datetime.min.replace(tzinfo=UTC)

E = TypeVar("E", bound=IntEnum)


@dataclass
class Checks:
    """Collects what is wrong, so that a request is refused once, naming everything.

    Each method returns the normalised value, or a harmless one when it notes a violation.
    """

    prefix: str = ""
    violations: list[FieldViolation] = field(default_factory=list)

    def wrong(self, name: str, why: str) -> None:
        """Note that field `name` (a path below the prefix) cannot be accepted."""
        self.violations.append(FieldViolation(f"{self.prefix}{name}", why))

    def finish(self) -> None:
        """Raise `InvalidArgument` naming every field noted."""
        refuse(self.violations)

    def line(self, name: str, value: str, longest: int, *, required: bool = False) -> str:
        """One line of text of at most `longest` characters."""
        if not value and not required:
            return ""
        cleaned = text.line(value)
        return self._text(name, cleaned, longest, required)

    def paragraphs(self, name: str, value: str, longest: int) -> str:
        """Text with line breaks of at most `longest` characters."""
        return self._text(name, text.paragraphs(value), longest, False) if value else ""

    def _text(self, name: str, cleaned: str, longest: int, required: bool) -> str:
        if required and not cleaned:
            self.wrong(name, "is required")
        elif len(cleaned) > longest:
            self.wrong(name, f"is longer than {longest} characters")
        elif not text.is_clean(cleaned):
            self.wrong(name, "has characters that no text has")
        else:
            return cleaned
        return ""

    def id(self, name: str, value: str) -> UUID:
        """A UUID that must be given."""
        if not value:
            self.wrong(name, "is required")
        return self.uuid(name, value) or _NIL

    def ids(self, name: str, values: Sequence[str], most: int) -> tuple[UUID, ...]:
        """Up to `most` UUIDs, each once."""
        self.at_most(name, values, most)
        found = [self.id(f"{name}[{place}]", it) for place, it in enumerate(values[:most])]
        return tuple(dict.fromkeys(found))

    def time(self, name: str, value: datetime | None) -> datetime:
        """A time that must be given."""
        if value is None:
            self.wrong(name, "is required")
        return value or _NO_TIME

    def uuid(self, name: str, value: str) -> UUID | None:
        """A UUID, None when empty."""
        if not value:
            return None
        try:
            return UUID(value)
        except ValueError:
            self.wrong(name, "is not a UUID")
            return None

    def choice(self, name: str, value: int, of: type[E]) -> E | None:
        """A member of an enum; 0 gives None."""
        if not value:
            return None
        if value not in list(of):
            self.wrong(name, "is not one of the choices")
            return None
        return of(value)

    def needed(self, name: str, value: int, of: type[E]) -> E:
        """A member of an enum that must be given."""
        if not value:
            self.wrong(name, "is required")
        return self.choice(name, value, of) or next(iter(of))

    def at_most(self, name: str, values: Collection[object], most: int) -> None:
        """No more than `most` values."""
        if len(values) > most:
            self.wrong(name, f"has more than {most}")

    def locale(self, name: str, value: str) -> str:
        """A BCP 47 tag, Vietnamese when empty."""
        if value and (len(value) > 35 or not _LOCALE.fullmatch(value)):
            self.wrong(name, 'is no language tag such as "vi" or "en-US"')
        return value or "vi"

    def time_zone(self, name: str, value: str) -> str:
        """An IANA name, Vietnam's when empty."""
        if value and value not in _time_zones():
            self.wrong(name, 'is no time zone such as "Asia/Ho_Chi_Minh"')
        return value or "Asia/Ho_Chi_Minh"

    def region(self, name: str, value: str, home: str) -> str:
        """A sending region, the home one when empty."""
        if value and not _REGION.fullmatch(value):
            self.wrong(name, "is no region: small letters, digits and -, at most 16")
        return value or home

    def country(self, name: str, value: str) -> str:
        """An ISO 3166-1 code, Vietnam's when empty."""
        code = value.strip().upper()
        if code and not _COUNTRY.fullmatch(code):
            self.wrong(name, 'is no country code such as "VN"')
            return "VN"
        return code or "VN"


def refuse(violations: list[FieldViolation]) -> None:
    """Raise `InvalidArgument` when anything was noted."""
    if violations:
        named = ", ".join(sorted({it.field for it in violations}))
        raise InvalidArgument("FIELDS_INVALID", f"invalid: {named}", violations=violations)


@functools.cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
