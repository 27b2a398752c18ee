"""What a reader asks of a report: the days, and the requests that its figures open."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import request
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.web import desk, formats

PERIODS = ("this_month", "last_month", "last_30", "this_quarter", "this_year", "custom")


@dataclass(frozen=True)
class Days:
    """Days as a page shows them: `last` is the last one, or what was typed for it."""

    period: str
    first: str
    last: str

    @property
    def after(self) -> str:
        """The day after the last one, as services take it; what is no day goes as it was typed."""
        try:
            return (date.fromisoformat(self.last) + timedelta(days=1)).isoformat()
        except (ValueError, OverflowError):
            return self.last

    def request(self) -> dict[str, Any]:
        """Return the fields of a request for a report."""
        return {
            "start_date": self.first,
            "end_date": self.after,
            "time_zone": desk.time_zone(),
        }


def day_before(day: str) -> str:
    """Return the day before one, as pages show the last day of what services end after it.

    Empty for no day.
    """
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat() if day else ""


def days() -> Days:
    """Return the days asked for; this month without a word."""
    asked = request.args.get("period", "")
    typed = request.args.get("from", ""), request.args.get("to", "")
    if asked == "custom" or (not asked and any(typed)):
        return Days("custom", *typed)
    today = datetime.now(formats.zone(desk.time_zone())).date()
    period = asked if asked in PERIODS else PERIODS[0]
    first, last = _preset(period, today)
    return Days(period, first.isoformat(), last.isoformat())


def _preset(period: str, today: date) -> tuple[date, date]:
    month = today.replace(day=1)
    match period:
        case "last_month":
            last = month - timedelta(days=1)
            return last.replace(day=1), last
        case "last_30":
            return today - timedelta(days=29), today
        case "this_quarter":
            return month.replace(month=month.month - (month.month - 1) % 3), today
        case "this_year":
            return today.replace(month=1, day=1), today
    return month, today


def query(rows: Message) -> str:
    """Return a request for a list as the query of an address."""
    plain = json_format.MessageToDict(rows, preserving_proto_field_name=True)
    return urlencode(plain, doseq=True)


def rows_of(kind: type[Message]) -> Any:
    """Return the request for a list that this address's query is; raises `InvalidArgument`."""
    fields: Mapping[str, Any] = kind.DESCRIPTOR.fields_by_name
    plain: dict[str, Any] = {}
    for name, values in request.args.lists():
        field = fields.get(name)
        if field is None or name in ("page_size", "page_token"):
            continue
        given: list[Any] = [it == "True" for it in values] if _is_bool(field) else list(values)
        plain[name] = given if field.is_repeated else given[0]
    try:
        made: Any = json_format.ParseDict(plain, kind())
    except json_format.ParseError:
        wrong = [FieldViolation(it, "is not one of the choices") for it in plain]
        raise errors.InvalidArgument(
            "FIELDS_INVALID", "no list has such a filter", violations=wrong
        ) from None
    made.page_size, made.page_token = desk.PAGE_SIZE, desk.page_token()
    return made


def _is_bool(field: FieldDescriptor) -> bool:
    return bool(field.type == FieldDescriptor.TYPE_BOOL)
