"""Reports about leads in their protobuf form."""

from crm.interactions.v1 import lead_report_pb2 as pb2

from chassis.rpc import times
from services.interactions.domain.lead_reports import Cell, Figures, Report, Touch, Wanted

_TOUCHES = {
    None: pb2.LEAD_TOUCH_UNSPECIFIED,
    Touch.UNTOUCHED: pb2.LEAD_TOUCH_UNTOUCHED,
    Touch.TOUCHED: pb2.LEAD_TOUCH_TOUCHED,
    Touch.ANSWERED: pb2.LEAD_TOUCH_ANSWERED,
}
_TOUCH_OF: dict[int, Touch | None] = {int(number): it for it, number in _TOUCHES.items()}


def touch(given: int) -> Touch | None:
    """Returns which leads are asked for, None for all; raises `KeyError` for what is nothing."""
    return _TOUCH_OF[given]


def out(it: Report) -> pb2.LeadReport:
    """Returns a report."""
    return pb2.LeadReport(
        start_date=it.period.start.isoformat(),
        end_date=it.period.end.isoformat(),
        time_zone=it.period.zone,
        start_time=times.out(it.period.start_time),
        end_time=times.out(it.period.end_time),
        total=_row(it.total),
        rows=[_row(each) for each in it.rows],
    )


def line(it: Figures, name: str = "") -> pb2.LeadReportLine:
    """Returns a line of a file."""
    return pb2.LeadReportLine(
        owner_id=str(it.owner_id or ""),
        name=name,
        leads=it.leads.count,
        touched=it.touched.count,
        untouched=it.untouched.count,
        answered=it.answered.count,
    )


def _row(it: Figures) -> pb2.LeadReportRow:
    return pb2.LeadReportRow(
        owner_id=str(it.owner_id or ""),
        leads=_count(it.leads),
        touched=_count(it.touched),
        untouched=_count(it.untouched),
        answered=_count(it.answered),
    )


def _count(it: Cell) -> pb2.LeadCount:
    return pb2.LeadCount(count=it.count, rows=_rows(it.rows))


def _rows(it: Wanted) -> pb2.ListReportedLeadsRequest:
    """Returns the request that lists what a report counted."""
    return pb2.ListReportedLeadsRequest(
        created_from=times.out(it.created_from),
        created_until=times.out(it.created_until),
        owner_ids=[str(each or "") for each in it.owner_ids],
        touch=_TOUCHES[it.touch],
    )
