"""Times in requests that are none: those outside the years 1 to 9999, which no clock shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from chassis.errors import FieldViolation, InvalidArgument

_TIMESTAMP = "google.protobuf.Timestamp"
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_SECOND_NANOS = 1_000_000_000


@contextmanager
def told(request: Any) -> Iterator[None]:
    """Refuse a request by its times when the block fails at what may have been one of them.

    Raises `InvalidArgument` that names every time that is none; other failures stay as they are.
    Who names such a time better, as one of many, is not in the way: nothing was looked at before.
    """
    try:
        yield
    except (ValueError, OverflowError) as failure:
        wrong = list(_wrong(request, "")) if isinstance(request, Message) else []
        if not wrong:
            raise
        violations = [FieldViolation(path, "is no time") for path in wrong]
        raise InvalidArgument(
            "FIELDS_INVALID", "a time is invalid", violations=violations
        ) from failure


def _wrong(message: Message, above: str) -> Iterator[str]:
    for field in _leading(message.DESCRIPTOR):
        if field.is_repeated:
            for place, each in enumerate(getattr(message, field.name)):
                yield from _below(each, f"{above}{field.name}[{place}]")
        elif message.HasField(field.name):
            yield from _below(getattr(message, field.name), above + field.name)


def _below(message: Any, path: str) -> Iterator[str]:
    if message.DESCRIPTOR.full_name != _TIMESTAMP:
        yield from _wrong(message, f"{path}.")
    elif not _is_time(message.seconds, message.nanos):
        yield path


def _is_time(seconds: int, nanos: int) -> bool:
    return _FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < _SECOND_NANOS


@cache
def _leading(of: Descriptor) -> tuple[FieldDescriptor, ...]:
    """Return the fields that are times, or that times may be below."""
    return tuple(it for it in of.fields if _holds(it, frozenset()))


def _holds(field: FieldDescriptor, seen: frozenset[str]) -> bool:
    below = field.message_type
    if below is None or below.GetOptions().map_entry or below.full_name in seen:
        return False
    if below.full_name == _TIMESTAMP:
        return True
    return any(_holds(it, seen | {below.full_name}) for it in below.fields)
