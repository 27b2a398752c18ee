"""A calendar with entries, as its pages ask for it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from crm.interactions.v1 import calendar_pb2, calendar_service_pb2, follow_up_pb2
from flask.testing import FlaskClient

from tests.unit.gateway.web_parts import ID

MEETING, CALL = follow_up_pb2.FOLLOW_UP_TYPE_MEETING, follow_up_pb2.FOLLOW_UP_TYPE_CALL
OPEN = follow_up_pb2.FOLLOW_UP_STATUS_OPEN
MAY = "/calendar?date=2026-05-13"


def entry(start: datetime, end: datetime | None = None, **more: Any) -> Any:
    given = {"id": ID, "etag": "3", "title": "Họp <b>", "type": MEETING, "status": OPEN, **more}
    made = calendar_pb2.CalendarEntry(**given)
    made.start_time.FromDatetime(start)
    made.end_time.FromDatetime(end or start)
    return made


def at(day: int, hour: int = 2, month: int = 5) -> datetime:
    """A time in UTC; two o'clock is nine in Vietnam."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def calendar(signed_in: FlaskClient, peers: Any) -> Any:
    """Fills the calendar of the fake peers."""

    def fill(*entries: Any, **more: Any) -> FlaskClient:
        peers.answers["ListCalendar"] = calendar_service_pb2.ListCalendarResponse(
            entries=entries, **more
        )
        return signed_in

    return fill
