"""The fields of the form of a series: read into its message, and filled from one."""

from datetime import date, datetime, time, timedelta

from crm.interactions.v1 import follow_up_pb2, series_pb2

from services.gateway.web import (
    contact_reminders,
    desk,
    follow_up_messages,
    follow_up_reminders,
    names,
    recurrences,
)
from services.gateway.web.forms import Form
from services.gateway.web.recurrences import Recurrence

AFTER_ORDER, INVOICE_DUE = "after_order", "invoice_due"
BY_FACTS = (AFTER_ORDER, INVOICE_DUE)
REPEATS = (*recurrences.EVERY, *BY_FACTS)
ENDS = ("never", "until", "count")
REST = "rest"
"""The end of a later part: that of the rest of the rule before, whose times are counted."""

RULE_INPUTS = (
    *("repeats", "start", "clock", "time_zone", "interval", "weekdays", "month_day"),
    *("ends", "until", "count", "rrule", "days", "due_days"),
)
PLAIN = ("title", "type", "assignee_ids", "duration", "description", "category", "reminders")
YEARS = range(2000, 2101)
MOST_DAYS = 1_000
LONGEST_MINUTES = 7 * 24 * 60

_SHOWN_AT = {
    "calendar": "repeats",
    "calendar.rrule": "repeats",
    "calendar.exceptions": "repeats",
    "calendar.start": "start",
    "calendar.time_zone": "time_zone",
    "after_order.days": "days",
    "after_order.time_of_day": "clock",
    "after_order.time_zone": "time_zone",
    "invoice_due.days": "due_days",
    "invoice_due.time_of_day": "clock",
    "invoice_due.time_zone": "time_zone",
}
KNOWN = (
    *(*PLAIN, "contact_ids", "recurrence_time", *_SHOWN_AT),
    *(*contact_reminders.REFUSED, *follow_up_messages.KNOWN),
)
"""What a service may refuse that the form has a place for; see `place`."""


def read(form: Form) -> series_pb2.Series:
    """Return what was typed, and note in the form what cannot be read."""
    type_ = names.value(follow_up_pb2.FollowUpType, form.get("type"))
    wanted = series_pb2.Series(
        title=form.get("title"),
        type=follow_up_pb2.FollowUpType.ValueType(type_),
        assignee_ids=form.all("assignee_ids"),
        description=form.get("description"),
        category=form.get("category"),
    )
    follow_up_messages.read(form, wanted)
    follow_up_reminders.read(form, wanted)
    minutes = _whole(form, "duration", 0, LONGEST_MINUTES) if form.get("duration") else None
    if minutes is not None:
        wanted.duration.FromTimedelta(timedelta(minutes=minutes))
    if form.get("repeats") == AFTER_ORDER:
        days = _whole(form, "days", 0, MOST_DAYS) or 0
        wanted.after_order.CopyFrom(series_pb2.AfterOrderRule(days=days, **_clock(form)))
    elif form.get("repeats") == INVOICE_DUE:
        days = _whole(form, "due_days", -MOST_DAYS, MOST_DAYS) or 0
        wanted.invoice_due.CopyFrom(series_pb2.InvoiceDueRule(days=days, **_clock(form)))
    else:
        wanted.calendar.CopyFrom(read_calendar(form))
    return wanted


def read_calendar(form: Form) -> series_pb2.CalendarRule:
    """Return the rule that was typed, and note in the form what cannot be read."""
    start = _start(form)
    wanted = _recurrence(form)
    if start is not None and wanted.until is not None and wanted.until < start.date():
        form.refuse("until", desk.t("series.until_before_start"))
    return series_pb2.CalendarRule(
        rrule=recurrences.rrule(wanted),
        start=start.isoformat() if start else "",
        time_zone=form.get("time_zone") or desk.time_zone(),
    )


def place(form: Form) -> None:
    """Put what a service refused to the inputs that it is about."""
    contact_reminders.place(form)
    for name, why in list(form.wrong.items()):
        if name == "recurrence_time":
            form.general.append(form.wrong.pop(name))
        elif name in _SHOWN_AT:
            own = name == "calendar.rrule" and form.get("repeats") == "own"
            del form.wrong[name]
            form.wrong.setdefault("rrule" if own else _SHOWN_AT[name], why)


def filled(series: series_pb2.Series) -> dict[str, str | list[str]]:
    """Return the inputs' values that show a series."""
    return {
        "title": series.title,
        "type": names.short(follow_up_pb2.FollowUpType, series.type),
        **follow_up_messages.values(series),
        **follow_up_reminders.values(series),
        "assignee_ids": list(series.assignee_ids),
        "duration": str(series.duration.ToTimedelta() // timedelta(minutes=1)),
        "description": series.description,
        "category": series.category,
        "etag": series.etag,
        **(_of_calendar(series) if series.HasField("calendar") else _of_days(series)),
    }


def _of_calendar(series: series_pb2.Series) -> dict[str, str | list[str]]:
    rule = series.calendar
    start = datetime.fromisoformat(rule.start)
    shown = recurrences.read(rule.rrule, start.time())
    ends = "until" if shown.until else "count" if shown.count else "never"
    return {
        "repeats": shown.every,
        "start": f"{start:%Y-%m-%dT%H:%M}" + (f":{start:%S}" if start.second else ""),
        "time_zone": rule.time_zone,
        "interval": str(shown.interval),
        "weekdays": list(shown.weekdays),
        "month_day": str(shown.month_day or ""),
        "ends": ends,
        "until": shown.until.isoformat() if shown.until else "",
        "count": str(shown.count or ""),
        "rrule": shown.own,
    }


def _of_days(series: series_pb2.Series) -> dict[str, str | list[str]]:
    is_due = series.HasField("invoice_due")
    rule = series.invoice_due if is_due else series.after_order
    return {
        "repeats": INVOICE_DUE if is_due else AFTER_ORDER,
        "due_days" if is_due else "days": str(rule.days),
        "clock": rule.time_of_day,
        "time_zone": rule.time_zone,
        "interval": "1",
        "ends": "never",
    }


def _clock(form: Form) -> dict[str, str]:
    """Return when on its day it is, and where."""
    try:
        clock = f"{time.fromisoformat(form.get('clock')):%H:%M}"
    except ValueError:
        form.refuse("clock", desk.t("series.clock_unreadable"))
        clock = ""
    return {"time_of_day": clock, "time_zone": form.get("time_zone") or desk.time_zone()}


def _start(form: Form) -> datetime | None:
    try:
        start = datetime.fromisoformat(form.get("start"))
    except ValueError:
        start = None
    if start is None or start.tzinfo is not None or start.year not in YEARS:
        form.refuse("start", desk.t("form.time_unreadable"))
        return None
    return start


def _recurrence(form: Form) -> Recurrence:
    every = next((it for it in recurrences.EVERY if it == form.get("repeats")), None)
    if every is None:
        form.refuse("repeats", desk.t("series.choose_repeats"))
        every = "daily"
    if every == "own":
        return Recurrence("own", own=form.get("rrule"))
    ends = form.get("ends")
    return Recurrence(
        every,
        interval=_whole(form, "interval", 1, recurrences.MOST_INTERVAL) or 1,
        weekdays=_weekdays(form) if every == "weekly" else (),
        month_day=_month_day(form) if every == "monthly" else None,
        until=_until(form) if ends == "until" else None,
        count=_whole(form, "count", 1, recurrences.MOST_COUNT) if ends == "count" else None,
    )


def _weekdays(form: Form) -> tuple[str, ...]:
    chosen = form.all("weekdays")
    return tuple(it for it in recurrences.WEEKDAYS if it in chosen)


def _month_day(form: Form) -> int | None:
    chosen = form.get("month_day")
    found = next((it for it in recurrences.MONTH_DAYS if str(it) == chosen), None)
    if chosen and found is None:
        form.refuse("month_day", desk.t("series.choose_month_day"))
    return found


def _until(form: Form) -> date | None:
    try:
        day = date.fromisoformat(form.get("until"))
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        form.refuse("until", desk.t("series.until_unreadable"))
        return None
    return day


def _whole(form: Form, name: str, least: int, most: int) -> int | None:
    text = form.get(name)
    digits = text.removeprefix("-")
    number = int(text) if digits.isascii() and digits.isdigit() and len(text) < 6 else None
    if number is None or not least <= number <= most:
        form.refuse(name, desk.t("series.number_from_to", least=least, most=most))
        return None
    return number
