"""Says when a series recurs in the words of a page."""

from datetime import datetime

from crm.interactions.v1 import series_pb2

from services.gateway.web import desk, formats, recurrences
from services.gateway.web.recurrences import LAST_DAY, WEEKDAYS, Recurrence


def recurs(series: series_pb2.Series) -> str:
    """Return when a series recurs as one sentence; empty for a rule newer than this code."""
    if series.WhichOneof("rule") == "invoice_due":
        due = series.invoice_due
        key = "before" if due.days < 0 else "after" if due.days else "on"
        said = desk.t(f"series.told_due_{key}", n=abs(due.days), clock=due.time_of_day)
        return said + _elsewhere(due.time_zone)
    if series.WhichOneof("rule") == "after_order":
        rule = series.after_order
        said = desk.t("series.told_after_order", n=rule.days, clock=rule.time_of_day)
        return said + _elsewhere(rule.time_zone)
    if not series.HasField("calendar"):
        return ""
    calendar = series.calendar
    start = datetime.fromisoformat(calendar.start)
    return told(recurrences.read(calendar.rrule, start.time()), start) + _elsewhere(
        calendar.time_zone
    )


def told(recurrence: Recurrence, start: datetime) -> str:
    """Return how often something recurs that starts at the wall-clock time `start`."""
    if recurrence.every == "own":
        return desk.t("series.told_own", rule=recurrence.own)
    when = {"often": _often(recurrence), "on": _on(recurrence, start)}
    said = desk.t("series.told_at", **when, clock=f"{start:%H:%M}")
    if recurrence.until is not None:
        last = formats.day(desk.language(), recurrence.until)
        return desk.t("series.told_until", said=said, day=last)
    if recurrence.count is not None:
        return desk.t("series.told_count", said=said, n=recurrence.count)
    return said


def clock_text(wall_clock: str) -> str:
    """Return day and minute of a wall-clock time such as 2026-03-01T09:00:00."""
    at = datetime.fromisoformat(wall_clock)
    return f"{formats.day(desk.language(), at)} {at:%H:%M}"


def weekday(name: str) -> str:
    """Return the word of MO, TU and so on."""
    return desk.t(f"calendar.weekday_{WEEKDAYS.index(name)}")


def _often(recurrence: Recurrence) -> str:
    form = "one" if recurrence.interval == 1 else "many"
    return desk.t(f"series.{recurrence.every}_{form}", n=recurrence.interval)


def _on(recurrence: Recurrence, start: datetime) -> str:
    if recurrence.every == "weekly":
        days = recurrence.weekdays or (WEEKDAYS[start.weekday()],)
        return desk.t("series.on_weekdays", days=", ".join(weekday(it) for it in days))
    if recurrence.every == "monthly":
        day = recurrence.month_day or start.day
        return desk.t("series.on_last") if day == LAST_DAY else desk.t("series.on_day", n=day)
    if recurrence.every == "yearly":
        if desk.language() == "vi":
            return desk.t("series.on_date", date=f"{start.day}/{start.month}")
        return desk.t("series.on_date", date=f"{start.day} {formats.MONTHS[start.month - 1]}")
    return ""


def _elsewhere(zone: str) -> str:
    """Return which clock is meant, where it is not the reader's."""
    return f" ({zone})" if zone != desk.time_zone() else ""
