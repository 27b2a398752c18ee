"""Reports as the tables and files that people read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from crm.interactions.v1 import lead_report_pb2
from crm.interactions.v1 import report_pb2 as follow_up_report_pb2
from crm.leads.v1 import report_pb2
from flask import Response, url_for

from services.gateway import files
from services.gateway.languages import Language
from services.gateway.web import desk, formats, lookups, report_filters

CONVERSION = ("leads", "converted", "first_sale", "hand", "lost", "open")
FOLLOW_UPS = (
    *("total", "overdue", "scheduled", "open", "completed", "cancelled"),
    *("calls", "sms", "emails", "meetings"),
)
LEADS = ("leads", "touched", "untouched", "answered")
_STATES = ("completed", "open", "scheduled", "cancelled")


@dataclass(frozen=True)
class Cell:
    """A figure, and the address of the rows behind it; none behind a sum of money.

    `plain` is what a file has instead, where people and spreadsheets read numbers differently.
    """

    text: str
    url: str = ""
    bad: bool = False
    plain: str = ""


@dataclass(frozen=True)
class Line:
    """A line of a table; `bars` are (class, start, width) of a thousand, `whole` says them."""

    name: str
    cells: Sequence[Cell]
    bars: Sequence[tuple[str, float, float]] = ()
    whole: str = ""
    small: bool = False


@dataclass(frozen=True)
class Table:
    """Headings, lines and the total."""

    headings: Sequence[str]
    lines: Sequence[Line]
    total: Line


def conversion(report: report_pb2.ConversionReport, name: Callable[[str, str], str]) -> Table:
    """Return the table of how leads converted; `name` names a group by its id and name."""
    headings = [*(desk.t(f"reports.{it}") for it in CONVERSION)]
    headings += [desk.t("reports.rate"), desk.t("reports.interval")]
    lines = [_conversion(it, name(it.group_id, it.name)) for it in report.rows]
    return Table(headings, lines, _conversion(report.total, desk.t("reports.total")))


def _conversion(row: report_pb2.ConversionRow, name: str) -> Line:
    counts = [_contacts(getattr(row, it)) for it in CONVERSION]
    rate = row.rate
    low, value, high = (1000 * it for it in (rate.low, rate.value, rate.high))
    bars = [("rate", 0.0, value), ("interval", low, max(high - low, 2.0))]
    shown = [Cell(_percent(rate.value), plain=f"{rate.value:.4f}"), Cell(_interval(rate))]
    whole = f"{name}: {_percent(rate.value)} ({_interval(rate)})"
    return Line(name, [*counts, *shown], bars, whole, rate.small)


def sources(report: report_pb2.SourceReport, name: Callable[[str, str], str]) -> Table:
    """Return the table of what sources brought and cost."""
    keys = ("leads", "customers", "rate", "buyers", "revenue")
    headings = [desk.t(f"reports.{it}") for it in keys]
    if not report.costs_left_out:
        headings += [desk.t("reports.cost"), desk.t("reports.each")]
    most = max((it.leads.count for it in report.rows), default=0)

    def line(row: report_pb2.SourceRow, shown: str) -> Line:
        cells = [
            _contacts(row.leads),
            _contacts(row.customers),
            Cell(f"{_percent(row.rate.value)} ({_interval(row.rate)})"),
            _contacts(row.buyers),
            Cell(_money((it.currency, it.net) for it in row.revenue)),
        ]
        if not report.costs_left_out:
            cells.append(Cell(_money((it.currency, it.amount) for it in row.cost)))
            cells.append(Cell(_money((it.currency, it.amount) for it in row.cost_per_customer)))
        share = 1000 / most if most else 0.0
        bars = [("part", 0.0, share * row.leads.count), ("rate", 0.0, share * row.customers.count)]
        counted = f"{cells[0].text} / {cells[1].text}"
        return Line(shown, cells, bars, f"{shown}: {counted}", row.rate.small)

    lines = [line(it, name(it.source_id, it.name)) for it in report.rows]
    return Table(headings, lines, line(report.total, desk.t("reports.total")))


def follow_ups(
    report: follow_up_report_pb2.FollowUpReport, name: Callable[[str, str], str]
) -> Table:
    """Return the table of follow-ups by status and type."""
    most = max((it.total.count for it in report.rows), default=0)

    def line(row: follow_up_report_pb2.FollowUpRow, shown: str) -> Line:
        cells = [_follow_ups(getattr(row, it), bad=it == "overdue") for it in FOLLOW_UPS]
        start, bars = 0.0, []
        for state in _STATES:
            width = 1000 * getattr(row, state).count / most if most else 0.0
            bars.append((f"follow-up-{state}", start, width))
            start += width
        return Line(shown, cells, bars, f"{shown}: {cells[0].text}")

    headings = [desk.t(f"{'follow_up' if it in _STATES else 'reports'}.{it}") for it in FOLLOW_UPS]
    lines = [line(it, name(it.group_id, "")) for it in report.rows]
    return Table(headings, lines, line(report.total, desk.t("reports.total")))


def leads(report: lead_report_pb2.LeadReport, name: Callable[[str, str], str]) -> Table:
    """Return the table of what was done with leads."""
    most = max((it.leads.count for it in report.rows), default=0)

    def line(row: lead_report_pb2.LeadReportRow, shown: str) -> Line:
        cells = [_leads(getattr(row, it), bad=it == "untouched") for it in LEADS]
        share = 1000 / most if most else 0.0
        bars = [("part", 0.0, share * row.leads.count)]
        bars.append(("follow-up-open", 0.0, share * row.touched.count))
        bars.append(("rate", 0.0, share * row.answered.count))
        for it in (row.touched, row.answered):
            part = it.count / (row.leads.count or 1)
            cells.append(Cell(_percent(part), plain=f"{part:.4f}"))
        said = " / ".join(it.text for it in cells[:4])
        return Line(shown, cells, bars, f"{shown}: {said}")

    headings = [desk.t(f"reports.{it}") for it in (*LEADS, "touched_share", "answered_share")]
    lines = [line(it, name(it.owner_id, "")) for it in report.rows]
    return Table(headings, lines, line(report.total, desk.t("reports.total")))


def csv(table: Table, first: str, file_name: str) -> Response:
    """Return a table as a file, whose cells no spreadsheet computes."""
    rows = [
        [it.name, *(cell.plain or cell.text for cell in it.cells)]
        for it in (*table.lines, table.total)
    ]
    return files.table(rows, [first, *table.headings], file_name)


def user_name(user_id: str, _: str) -> str:
    """Return a colleague's name, or that there is none."""
    return lookups.user_name(user_id) if user_id else desk.t("reports.nobody")


def given_name(group_id: str, name: str) -> str:
    """Return the name that leads has, or that there is none."""
    return name or (group_id[:8] if group_id else desk.t("reports.none_of"))


def _contacts(count: report_pb2.ContactCount) -> Cell:
    url = f"{url_for('web.report_contacts')}?{report_filters.query(count.rows)}"
    return Cell(_number(count.count), url if count.count else "", plain=str(count.count))


def _follow_ups(count: follow_up_report_pb2.FollowUpCount, *, bad: bool) -> Cell:
    url = f"{url_for('web.report_follow_up_rows')}?{report_filters.query(count.rows)}"
    late = bad and count.count > 0
    return Cell(_number(count.count), url if count.count else "", late, str(count.count))


def _leads(count: lead_report_pb2.LeadCount, *, bad: bool) -> Cell:
    url = f"{url_for('web.report_lead_rows')}?{report_filters.query(count.rows)}"
    late = bad and count.count > 0
    return Cell(_number(count.count), url if count.count else "", late, str(count.count))


def _language() -> Language:
    return desk.language()


def _number(value: int) -> str:
    return formats.number(_language(), value)


def _percent(share: float) -> str:
    text = f"{100 * share:.1f}"
    return f"{text.replace('.', ',') if _language() == 'vi' else text} %"


def _interval(rate: Any) -> str:
    return f"{_percent(rate.low).removesuffix(' %')}–{_percent(rate.high)}"


def _money(amounts: Any) -> str:
    return "; ".join(formats.money(_language(), amount, currency) for currency, amount in amounts)
