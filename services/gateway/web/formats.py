"""Numbers, times, money and phones as readers of each language write them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf.timestamp_pb2 import Timestamp

from services.gateway.languages import Language

HOME_ZONE = "Asia/Ho_Chi_Minh"
WITHOUT_MINOR_UNITS = frozenset({"VND", "JPY", "KRW"})

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def zone(name: str) -> ZoneInfo:
    """Return the time zone, Vietnam's for a name that is empty or unknown."""
    try:
        return ZoneInfo(name or HOME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(HOME_ZONE)


def number(language: Language, value: int) -> str:
    """Return 1234567 as 1.234.567 or 1,234,567."""
    text = f"{value:,}"
    return text.replace(",", ".") if language == "vi" else text


def percent(language: Language, part: int, whole: int) -> str:
    """Return the share in per cent with one decimal."""
    text = f"{100 * part / whole:.1f}" if whole else "0.0"
    return f"{text.replace('.', ',') if language == 'vi' else text} %"


def day(language: Language, value: date) -> str:
    """Return 05/09/2026 or 5 Sep 2026."""
    if language == "vi":
        return f"{value:%d/%m/%Y}"
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def moment(language: Language, value: Timestamp | datetime, time_zone: str) -> str:
    """Return day and minute in the reader's zone; empty for a time that was never set."""
    at = local(value, time_zone)
    if at is None:
        return ""
    separator = " " if language == "vi" else ", "
    return f"{day(language, at)}{separator}{at:%H:%M}"


def instant(language: Language, value: Timestamp | datetime, time_zone: str) -> str:
    """Return day and second in the reader's zone, where seconds tell something."""
    at = local(value, time_zone)
    return f"{moment(language, value, time_zone)}:{at:%S}" if at else ""


def local(value: Timestamp | datetime, time_zone: str) -> datetime | None:
    """Return the time in the reader's zone, None if it was never set."""
    if isinstance(value, Timestamp):
        if not value.seconds and not value.nanos:
            return None
        value = value.ToDatetime(tzinfo=UTC)
    return value.astimezone(zone(time_zone))


def field_moment(value: Timestamp, time_zone: str) -> str:
    """Return what an input of type datetime-local holds."""
    at = local(value, time_zone)
    return f"{at:%Y-%m-%dT%H:%M}" if at else ""


def from_field(text: str, time_zone: str) -> datetime | None:
    """Return the time that an input of type datetime-local holds; raises `ValueError`."""
    if not text:
        return None
    return datetime.fromisoformat(text).replace(tzinfo=zone(time_zone))


def money(language: Language, minor_units: int, currency: str) -> str:
    """Return an amount with its currency: 1.250.000 ₫, $12.50."""
    if currency in WITHOUT_MINOR_UNITS:
        text = number(language, minor_units)
    else:
        whole, cents = divmod(abs(minor_units), 100)
        sign = "-" if minor_units < 0 else ""
        text = f"{sign}{number(language, whole)}{',' if language == 'vi' else '.'}{cents:02d}"
    return f"{text} {'₫' if currency == 'VND' else currency}"


def phone(e164: str) -> str:
    """Return a Vietnamese number as people here read it: 0912 345 678; others in fours."""
    if e164.startswith("+84") and len(e164) == 12:
        national = "0" + e164[3:]
        return f"{national[:4]} {national[4:7]} {national[7:]}"
    return e164
