"""Reports in their protobuf form."""

from datetime import UTC, datetime

from crm.interactions.v1 import follow_up_service_pb2, report_pb2

from chassis.rpc import times
from services.interactions.domain.follow_ups import Status, Type
from services.interactions.domain.reports import Cell, Figures, Grouping, Report, Wanted
from services.interactions.messages import follow_ups

_GROUPINGS = {
    Grouping.ASSIGNEE: report_pb2.FOLLOW_UP_GROUPING_ASSIGNEE,
    Grouping.CONTACT: report_pb2.FOLLOW_UP_GROUPING_CONTACT,
}
_GROUPING_OF = {number: it for it, number in _GROUPINGS.items()}


def grouping(given: int) -> Grouping | None:
    """Returns what the lines are to be; None for what was not said or is nothing."""
    return _GROUPING_OF.get(given)  # type: ignore[call-overload, no-any-return]


def out(it: Report, next_page_token: str) -> report_pb2.FollowUpReport:
    """Returns a report."""
    return report_pb2.FollowUpReport(
        start_date=it.period.start.isoformat(),
        end_date=it.period.end.isoformat(),
        time_zone=it.period.zone,
        start_time=times.out(it.period.start_time),
        end_time=times.out(it.period.end_time),
        as_of_time=times.out(it.as_of.astimezone(UTC)),
        grouping=_GROUPINGS[it.grouping],
        total=_row(it.total),
        many=_count(it.many),
        rows=[_row(each) for each in it.rows],
        next_page_token=next_page_token,
    )


def line(it: Figures, name: str = "") -> report_pb2.FollowUpLine:
    """Returns a line of a file."""
    return report_pb2.FollowUpLine(
        group_id=str(it.group or ""),
        name=name,
        total=it.total.count,
        overdue=it.overdue.count,
        scheduled=it.by_status[Status.SCHEDULED].count,
        open=it.by_status[Status.OPEN].count,
        completed=it.by_status[Status.COMPLETED].count,
        cancelled=it.by_status[Status.CANCELLED].count,
        calls=it.by_type[Type.CALL].count,
        sms=it.by_type[Type.SMS].count,
        emails=it.by_type[Type.EMAIL].count,
        meetings=it.by_type[Type.MEETING].count,
    )


def _row(it: Figures) -> report_pb2.FollowUpRow:
    return report_pb2.FollowUpRow(
        group_id=str(it.group or ""),
        total=_count(it.total),
        overdue=_count(it.overdue),
        scheduled=_count(it.by_status[Status.SCHEDULED]),
        open=_count(it.by_status[Status.OPEN]),
        completed=_count(it.by_status[Status.COMPLETED]),
        cancelled=_count(it.by_status[Status.CANCELLED]),
        calls=_count(it.by_type[Type.CALL]),
        sms=_count(it.by_type[Type.SMS]),
        emails=_count(it.by_type[Type.EMAIL]),
        meetings=_count(it.by_type[Type.MEETING]),
        cells=[
            report_pb2.FollowUpCell(
                type=follow_ups.type_out(kind),
                status=follow_ups.status_out(status),
                follow_ups=_count(cell),
            )
            for (kind, status), cell in it.cells.items()
        ],
    )


def _count(it: Cell) -> report_pb2.FollowUpCount:
    return report_pb2.FollowUpCount(count=it.count, rows=_rows(it.rows))


def _rows(it: Wanted) -> follow_up_service_pb2.ListFollowUpsRequest:
    """Returns the request that lists what a report counted."""
    return follow_up_service_pb2.ListFollowUpsRequest(
        contact_id=str(it.contact_id or ""),
        assignee_id=str(it.assignee_id or ""),
        statuses=[follow_ups.status_out(each) for each in it.statuses],
        types=[follow_ups.type_out(each) for each in it.types],
        start_from=times.out(it.start_from),
        start_until=times.out(it.start_until),
        overdue_at=times.out(_utc(it.overdue_at)),
        unassigned=it.unassigned,
        to_many=it.to_many,
    )


def _utc(it: datetime | None) -> datetime | None:
    return it.astimezone(UTC) if it else None
