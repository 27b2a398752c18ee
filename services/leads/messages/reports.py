"""Reports between the contract and the domain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from crm.leads.v1 import contact_service_pb2, report_pb2

from services.leads.domain import report
from services.leads.domain.fields import Checks
from services.leads.domain.listing import Filter
from services.leads.domain.report import (
    Asked,
    Cell,
    ConversionReport,
    Conversions,
    Grouping,
    Names,
    Period,
    Rate,
)
from services.leads.domain.source_report import SourceFigures, SourceReport
from services.leads.messages import values

TOTAL = "total"
_MOST_IDS = 100


class Request(Protocol):
    """What all requests for reports have."""

    start_date: str
    end_date: str
    time_zone: str

    @property
    def source_ids(self) -> Sequence[str]:
        """Any of these."""

    @property
    def owner_ids(self) -> Sequence[str]:
        """Any of these."""


def asked(request: Request, checks: Checks) -> Asked:
    """Return what a request asks about; notes each bad field."""
    period = report.check_period(checks, request.start_date, request.end_date, request.time_zone)
    return Asked(
        period,
        _ids(checks, "source_ids", request.source_ids),
        _ids(checks, "owner_ids", request.owner_ids),
    )


def _ids(checks: Checks, name: str, given: Sequence[str]) -> tuple[UUID | None, ...]:
    checks.at_most(name, given, _MOST_IDS)
    found = [checks.uuid(f"{name}[{place}]", it) for place, it in enumerate(given[:_MOST_IDS])]
    return tuple(dict.fromkeys(found))


def grouping(value: int, checks: Checks) -> Grouping:
    """Return what the lines are to be; notes when nothing or nonsense was said."""
    return checks.needed("grouping", value, Grouping)


def conversion(it: ConversionReport) -> report_pb2.ConversionReport:
    """Return the contract's conversion report."""
    return report_pb2.ConversionReport(
        period=_period(it.period),
        grouping=int(it.grouping),  # type: ignore[arg-type]
        total=_conversions(it.total, {}),
        rows=[_conversions(each, it.names) for each in it.rows],
    )


def sources(it: SourceReport) -> report_pb2.SourceReport:
    """Return the contract's source report."""
    return report_pb2.SourceReport(
        period=_period(it.period),
        total=_source(it.total, {}),
        rows=[_source(each, it.names) for each in it.rows],
        costs_left_out=it.costs_left_out,
    )


def conversion_lines(it: ConversionReport) -> Iterator[report_pb2.ConversionLine]:
    """Give the lines of a file, the total last."""
    for each in it.rows:
        yield _conversion_line(each, it.names.get(each.group, ""))
    yield _conversion_line(it.total, TOTAL)


def source_lines(it: SourceReport) -> Iterator[report_pb2.SourceLine]:
    """Give the lines of a file, one for each source and currency, the total last."""
    for each in it.rows:
        yield from _source_lines(each, it.names.get(each.source_id, ""), it.costs_left_out)
    yield from _source_lines(it.total, TOTAL, it.costs_left_out)


def _conversion_line(it: Conversions, name: str) -> report_pb2.ConversionLine:
    return report_pb2.ConversionLine(
        group_id=values.text(it.group),
        name=name,
        leads=it.leads.count,
        converted=it.converted.count,
        first_sale=it.first_sale.count,
        hand=it.hand.count,
        lost=it.lost.count,
        open=it.open.count,
        rate=it.rate.value,
        rate_low=it.rate.low,
        rate_high=it.rate.high,
        small=it.rate.small,
    )


def _source_lines(
    it: SourceFigures, name: str, costs_left_out: bool
) -> Iterator[report_pb2.SourceLine]:
    sold = {each.currency: each for each in it.sold}
    each_customer = it.cost_per_customer
    for currency in sorted({*sold, *it.cost}) or [""]:
        line = report_pb2.SourceLine(
            source_id=values.text(it.source_id),
            name=name,
            leads=it.leads.count,
            customers=it.customers.count,
            rate=it.rate.value,
            rate_low=it.rate.low,
            rate_high=it.rate.high,
            small=it.rate.small,
            buyers=it.buyers.count,
            currency=currency,
            cost="" if costs_left_out else str(it.cost.get(currency, 0)),
            cost_per_customer=str(each_customer.get(currency, "")),
        )
        if currency in sold:
            line.sales, line.returned = sold[currency].sales, sold[currency].returned
            line.revenue = line.sales - line.returned
        yield line


def _period(it: Period) -> report_pb2.ReportPeriod:
    return report_pb2.ReportPeriod(
        start_date=it.start.isoformat(),
        end_date=it.end.isoformat(),
        time_zone=it.zone,
        start_time=values.stamp(it.start_time),
        end_time=values.stamp(it.end_time),
    )


def _conversions(it: Conversions, names: Names) -> report_pb2.ConversionRow:
    return report_pb2.ConversionRow(
        group_id=values.text(it.group),
        name=names.get(it.group, ""),
        leads=_cell(it.leads),
        converted=_cell(it.converted),
        first_sale=_cell(it.first_sale),
        hand=_cell(it.hand),
        lost=_cell(it.lost),
        open=_cell(it.open),
        rate=_rate(it.rate),
    )


def _source(it: SourceFigures, names: Names) -> report_pb2.SourceRow:
    return report_pb2.SourceRow(
        source_id=values.text(it.source_id),
        name=names.get(it.source_id, ""),
        leads=_cell(it.leads),
        customers=_cell(it.customers),
        rate=_rate(it.rate),
        buyers=_cell(it.buyers),
        revenue=[
            report_pb2.Revenue(
                currency=each.currency,
                sales=each.sales,
                returned=each.returned,
                net=each.sales - each.returned,
            )
            for each in it.sold
        ],
        cost=_money(it.cost),
        cost_per_customer=_money(it.cost_per_customer),
    )


def _money(amounts: Mapping[str, int]) -> list[report_pb2.Money]:
    return [report_pb2.Money(currency=it, amount=amount) for it, amount in amounts.items()]


def _rate(it: Rate) -> report_pb2.Rate:
    return report_pb2.Rate(value=it.value, low=it.low, high=it.high, small=it.small)


def _cell(it: Cell) -> report_pb2.ContactCount:
    return report_pb2.ContactCount(count=it.count, rows=_rows(it.rows))


def _rows(it: Filter) -> contact_service_pb2.ListContactsRequest:
    """Return the request that lists what a report counted; it sets what reports set."""
    return contact_service_pb2.ListContactsRequest(
        statuses=[int(each) for each in it.statuses],  # type: ignore[misc]
        source_ids=[values.text(each) for each in it.source_ids],
        created_from=values.stamp(it.created_from),
        created_until=values.stamp(it.created_until),
        conversions=[int(each) for each in it.conversions],  # type: ignore[misc]
        main_owner_ids=[values.text(each) for each in it.main_owner_ids],
        passed_life_stage_ids=[values.text(each) for each in it.passed_stage_ids],
        with_sale=it.with_sale,
    )
