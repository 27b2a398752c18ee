"""Times and ids as the contract writes them."""

import functools
from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import FieldViolation, InvalidArgument
from chassis.rpc import times


@functools.lru_cache(maxsize=256)  # what a batch writes is of one time
def stamp(time: datetime | None) -> Timestamp | None:
    """Return a timestamp, None for no time."""
    return times.out(time)


def moment(parent: Message, field: str, path: str | None = None) -> datetime | None:
    """Return the time in `parent.field`, None when it is not set.

    Raises `InvalidArgument` naming `path` (by default the field) when it is no time.
    """
    if not parent.HasField(field):
        return None
    try:
        found: datetime = getattr(parent, field).ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        violation = FieldViolation(path or field, "is no time")
        raise InvalidArgument(
            "FIELDS_INVALID", "a time is invalid", violations=[violation]
        ) from None
    return found


def text(value: UUID | None) -> str:
    """Return an id as text, empty for none."""
    return str(value) if value is not None else ""
