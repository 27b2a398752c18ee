"""What tests of feeds share."""

from typing import Any

from crm.interactions.v1 import follow_up_pb2
from icalendar import Calendar

CALL, SMS = follow_up_pb2.FOLLOW_UP_TYPE_CALL, follow_up_pb2.FOLLOW_UP_TYPE_SMS
MEETING = follow_up_pb2.FOLLOW_UP_TYPE_MEETING


def events_of(ics: str | bytes) -> Any:
    return Calendar.from_ical(ics).walk("VEVENT")
