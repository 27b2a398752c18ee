"""What cells say: nothing, dates as people write them, genders, channels, lists."""

import functools
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.leads.domain import text
from services.leads.domain.contact import Birthday, Channel, Gender

NOTHING = frozenset(
    {"", "-", "--", "n/a", "na", "#n/a", "null", "none", "nil", "select", "khong co"}
)
# What files of ours, and spreadsheets, have before a text that would be a formula.
_MADE_TEXT = re.compile(r"'[=+\-@]")
_MANY = re.compile(r"\s*(?::::|[;\n|])\s*")
_LISTED = re.compile(r"\s*(?::::|[;,\n|])\s*")
_DAY_FIRST = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:T.*)?")
_NO_YEAR = re.compile(r"--(\d{2})-?(\d{2})|(\d{1,2})/(\d{1,2})")
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
_DAY = r"(?P<day>\d{1,2})[./-](?P<month>\d{1,2})[./-](?P<year>\d{4})"
_MOMENTS = tuple(re.compile(form) for form in (f"{_CLOCK}\\s+{_DAY}", f"{_DAY}(?:\\s+{_CLOCK})?"))
_GENDERS = {
    **dict.fromkeys(("nu", "female", "f", "ba", "chi", "co", "woman"), Gender.FEMALE),
    **dict.fromkeys(("nam", "male", "m", "ong", "anh", "man"), Gender.MALE),
    **dict.fromkeys(("khac", "other", "o"), Gender.OTHER),
}
_CHANNELS = {
    **dict.fromkeys(("sms", "tin nhan", "dien thoai", "phone"), Channel.SMS),
    **dict.fromkeys(("email", "e-mail", "mail", "thu"), Channel.EMAIL),
}


class Odd(ValueError):
    """A cell does not say what its column is for; the message is for people."""


def said(cell: str) -> str:
    """Return the cell's text; empty for the many ways to write nothing."""
    if not cell:
        return ""
    cleaned = text.paragraphs(cell)
    if _MADE_TEXT.match(cleaned):
        cleaned = cleaned[1:]
    return "" if len(cleaned) < 10 and cleaned.lower() in NOTHING else cleaned


def several(cell: str) -> list[str]:
    """Return the numbers or addresses that share a cell."""
    return [part for part in _MANY.split(cell) if said(part)]


def listed(cell: str) -> list[str]:
    """Return the entries of a cell that holds a list."""
    return [part for part in _LISTED.split(cell) if said(part)]


def birthday(cell: str) -> Birthday:
    """Return 31/12/1990, 1990-12-31, 19901231, --1231 or 31/12; raise Odd for anything else."""
    if found := _DAY_FIRST.fullmatch(cell):
        return Birthday(year=int(found[3]), month=int(found[2]), day=int(found[1]))
    if found := _YEAR_FIRST.fullmatch(cell):
        return Birthday(year=int(found[1]), month=int(found[2]), day=int(found[3]))
    if found := _NO_YEAR.fullmatch(cell):
        month, day = (found[1], found[2]) if found[1] else (found[4], found[3])
        return Birthday(month=int(month), day=int(day))
    raise Odd("is no date; write day/month/year")


def moment(cell: str, zone: ZoneInfo) -> datetime:
    """Return a moment in UTC, told in ISO 8601 or as spreadsheets do; raise Odd."""
    if cell[4:5].isdigit() or cell[4:5] == "-":
        try:
            found = datetime.fromisoformat(cell)
        except ValueError:
            found = _spreadsheet_time(cell)
    else:
        found = _spreadsheet_time(cell)
    aware = found if found.tzinfo else found.replace(tzinfo=zone)
    return aware.astimezone(UTC)


def _spreadsheet_time(cell: str) -> datetime:
    found = next((it for form in _MOMENTS if (it := form.fullmatch(cell))), None)
    parts = {name: int(value or 0) for name, value in found.groupdict().items()} if found else {}
    try:
        return datetime(**parts)  # type: ignore[arg-type]  # noqa: DTZ001 -- the caller knows the zone
    except (TypeError, ValueError):
        raise Odd("is no time; write hour:minute:second day/month/year") from None


@functools.lru_cache(maxsize=1024)
def gender(cell: str) -> Gender:
    """Return the gender a cell tells; unknown for what is none."""
    return _GENDERS.get(text.fold(cell), Gender.UNKNOWN)


@functools.lru_cache(maxsize=1024)
def channels(cell: str) -> tuple[Channel, ...]:
    """Return the channels a cell names; others, such as Zalo, are none of ours yet."""
    found = (_CHANNELS.get(text.fold(part)) for part in re.split(r"[,;/|]\s*", cell))
    return tuple(dict.fromkeys(channel for channel in found if channel))
