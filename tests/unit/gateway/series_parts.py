"""Series as tests of their pages make them, and what peers answer about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from crm.interactions.v1 import follow_up_pb2, series_pb2
from crm.interactions.v1 import series_service_pb2 as pb2

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.web_parts import ID

CALL = follow_up_pb2.FOLLOW_UP_TYPE_CALL
ACTIVE, PAUSED = series_pb2.SERIES_STATE_ACTIVE, series_pb2.SERIES_STATE_PAUSED
ZONE = "Asia/Ho_Chi_Minh"
NEXT = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
LOCAL = "2026-05-13T09:00:00"
TIME = "2026-05-13T02:00:00Z"
FIELDS = {
    "title": "Hỏi thăm <b>",
    "type": "call",
    "contact_ids": "c1",
    "assignee_ids": "u1",
    "repeats": "weekly",
    "interval": "2",
    "weekdays": "MO",
    "start": "2026-05-11T09:00",
    "time_zone": ZONE,
    "ends": "never",
    "duration": "45",
    "etag": "4",
}


def series(**changes: Any) -> series_pb2.Series:
    """A series by the calendar, unless it is given another rule."""
    given: dict[str, Any] = {
        "id": ID,
        "etag": "4",
        "title": "Hỏi thăm <b>",
        "type": CALL,
        "state": ACTIVE,
        "contact_ids": ["c1"],
        "assignee_ids": ["u1"],
        **changes,
    }
    if "after_order" not in given and "calendar" not in given:
        given["calendar"] = rule()
    made = series_pb2.Series(**given)
    made.duration.FromTimedelta(timedelta(minutes=45))
    return made


def rule(text: str = "FREQ=WEEKLY;BYDAY=MO,TH;COUNT=10", **more: Any) -> series_pb2.CalendarRule:
    """From a Monday at nine in Vietnam on."""
    return series_pb2.CalendarRule(
        **{"rrule": text, "start": "2026-05-11T09:00:00", "time_zone": ZONE, **more}
    )


def after_order() -> series_pb2.AfterOrderRule:
    """Thirty days after an order."""
    return series_pb2.AfterOrderRule(days=30, time_of_day="09:30", time_zone=ZONE)


def refusing(field: str, why: str) -> errors.Error:
    """What a service says of a bad field."""
    return errors.InvalidArgument("FIELDS_INVALID", "no", violations=[FieldViolation(field, why)])


def answer_of_one(peers: Any) -> None:
    """Let the fake peers know one series, with one time that has passed and one to come."""
    times = pb2.PreviewSeriesResponse()
    for at in (NEXT - timedelta(days=2), NEXT):
        times.occurrences.add(local_time=LOCAL).time.FromDatetime(at)
    peers.answers.update(
        ListSeries=pb2.ListSeriesResponse(series=[series()]),
        GetSeries=series(),
        CreateSeries=series(),
        UpdateSeries=series(),
        SplitSeries=series(),
        SkipOccurrence=series(),
        PauseSeries=series(state=PAUSED),
        ResumeSeries=series(),
        DeleteSeries=pb2.DeleteSeriesResponse(),
        PreviewSeries=times,
    )
