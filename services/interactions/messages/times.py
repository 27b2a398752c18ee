"""Times in their protobuf form."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def out(time: datetime | None) -> Timestamp | None:
    """Returns the protobuf form of a time."""
    if time is None:
        return None
    made = Timestamp()
    made.FromDatetime(time)
    return made


def read(given: Timestamp) -> datetime | None:
    """Returns the time in UTC; None for one that was not said."""
    if not given.seconds and not given.nanos:
        return None
    return given.ToDatetime(tzinfo=UTC)
