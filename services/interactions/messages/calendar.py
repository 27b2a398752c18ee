"""Entries of calendars in their protobuf form."""

from crm.interactions.v1 import calendar_pb2

from chassis.rpc import times
from services.interactions.domain.calendar import Entry
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.messages import follow_ups


def out(entry: Entry | FollowUp) -> calendar_pb2.CalendarEntry:
    """Returns a follow-up as a calendar shows it."""
    return calendar_pb2.CalendarEntry(
        id=str(entry.id),
        etag=str(entry.revision),
        title=entry.title,
        type=follow_ups.type_out(entry.type),
        status=follow_ups.status_out(entry.status),
        start_time=times.out(entry.start_time),
        end_time=times.out(entry.end_time),
        time_zone=entry.time_zone,
        contact_ids=[str(entry.contact_id)] if entry.contact_id else [],
        contact_count=entry.contact_count,
        assignee_ids=[str(each) for each in entry.assignee_ids],
        series_id=str(entry.series_id or ""),
    )
